#!/bin/sh
# install.sh: installs and removes Gemini Code for the Makefile: install.sh installdirs|install|uninstall.
# Environment: the Makefile's directories, DESTDIR, INSTALL, SERVICE_USER, SERVICE_GROUP, PROGRAMS.
# SPDX-License-Identifier: MIT
set -eu
umask 022
PATH=$PATH:/usr/sbin:/sbin
: "${sbindir:?}" "${libexecdir:?}" "${sysconfdir:?}" "${localstatedir:?}" "${datadir:?}" "${docdir:?}" "${mandir:?}"
: "${systemdunitdir:?}" "${sysusersdir:?}" "${INSTALL:?}" "${PROGRAMS:?}" "${SERVICE_USER:?}" "${SERVICE_GROUP:?}"
: "${DESTDIR:=}"
etc=$sysconfdir/gemini-code
state=$localstatedir/lib/gemini-code
log=$localstatedir/log/gemini-code
backups=$localstatedir/backups/gemini-code
share=$datadir/gemini-code

say() { printf '  %s\n' "$*"; }
fail() { echo "install.sh: $*" >&2; exit 1; }

# Owners are set on the running system only, and only root can: a package's tree gets them where it is unpacked.
sets_owner() { [ -z "$DESTDIR" ] && [ "$(id -u)" = 0 ]; }

# ---- what goes where -------------------------------------------------------------------------------------------------

# Lines `mode source target`: everything that an installation replaces and an uninstallation removes.
files() {
  for file in $PROGRAMS; do
    case $file in
      *.fcgi) echo "0755 $file $libexecdir/${file##*/}" ;;
      *) echo "0755 $file $sbindir/${file##*/}" ;;
    esac
  done
  for file in conf/gemini-code.properties db/schema.sql db/*migrations/*.sql conf/lighttpd/* conf/apache/* \
    conf/nginx/* conf/cron/* conf/logrotate/*; do
    case $file in
      */run.conf) ;;
      db/*) echo "0644 $file $share/$file" ;;
      conf/*) echo "0644 $file $share/${file#conf/}" ;;
    esac
  done
  echo "0644 conf/systemd/gemini-code.sysusers $sysusersdir/gemini-code.conf"
  for file in conf/systemd/*.service conf/systemd/*.socket conf/systemd/*.timer conf/systemd/*.d/*.conf; do
    echo "0644 $file $systemdunitdir/${file#conf/systemd/}"
  done
  for file in README.md LICENSE; do echo "0644 $file $docdir/$file"; done
  for file in docs/*.md; do echo "0644 $file $docdir/$file"; done
  for file in man/*.[1-8]; do echo "0644 $file $mandir/man${file##*.}/${file##*/}"; done
}

# The same without the patterns that match nothing: man/ as long as it is empty.
present_files() {
  files | while read -r mode source target; do
    case $source in
      *'*'*) ;;
      *) echo "$mode $source $target" ;;
    esac
  done
}

# Lines `name-under-share target`: the files of other programs' directories, which are their administrator's to change.
sites() {
  cat << EOF
cron/gemini-code $sysconfdir/cron.d/gemini-code
logrotate/gemini-code $sysconfdir/logrotate.d/gemini-code
lighttpd/10-gemini-code.conf $sysconfdir/lighttpd/conf-available/10-gemini-code.conf
apache/gemini-code-server.conf $sysconfdir/apache2/conf-available/gemini-code.conf
apache/gemini-code.conf $sysconfdir/apache2/sites-available/gemini-code.conf
nginx/gemini-code.conf $sysconfdir/nginx/sites-available/gemini-code.conf
EOF
}

# Those that are not as the last installation wrote them: the administrator's own.
changed_sites() {
  sites | while read -r name target; do
    [ ! -e "$DESTDIR$target" ] || cmp -s "$DESTDIR$share/$name" "$DESTDIR$target" || echo "$target"
  done
}

# ---- installing ------------------------------------------------------------------------------------------------------

# Texts name Debian's directories and the default user: the copies name those of this installation. The web server that
# starts the gateway itself is its user; for every other user lighttpd's file takes the socket instead.
adapt() {
  own_socket=
  [ "$SERVICE_USER" = www-data ] || own_socket='
    s|^include "\(.*\)gemini-code-fcgi.conf"|include "\1gemini-code-socket.conf"|
    s|^\(var.gemini_code_socket =\) .*|\1 "/run/gemini-code/gemini-code.sock"|'
  sed -e "s|/usr/lib/cgi-bin/|$libexecdir/|g
    s|/etc/gemini-code/|$etc/|g
    s|/usr/share/gemini-code/|$share/|g
    s|/var/lib/gemini-code/|$state/|g
    s|/var/backups/gemini-code|$backups|g
    s|^#log.file =\$|log.file = $log/gemini-code.log|
    s|/usr/sbin/gemini-code-|$sbindir/gemini-code-|g
    s|/var/log/gemini-code/|$log/|g
    s|^\(ReadWritePaths=\)/var/lib/gemini-code\$|\1$state|
    s|^\([0-9*/ ]* \)gemini-code if |\1$SERVICE_USER if |
    s|^    su gemini-code gemini-code\$|    su $SERVICE_USER $SERVICE_GROUP|
    s|^User=gemini-code\$|User=$SERVICE_USER|
    s|^Group=gemini-code\$|Group=$SERVICE_GROUP|
    s|^u gemini-code |u $SERVICE_USER |
    s|-U gemini-code |-U $SERVICE_USER |
    s|-u gemini-code -g gemini-code |-u $SERVICE_USER -g $SERVICE_GROUP |$own_socket" "$1"
}

# Written beside the target and renamed: a program that is replaced under a running gateway is never missing or half.
put() {
  mkdir -p "$DESTDIR${3%/*}"
  case $2 in
    conf/*)
      adapt "$2" > "$DESTDIR$3.new"
      chmod "$1" "$DESTDIR$3.new" ;;
    *) $INSTALL -m "$1" "$2" "$DESTDIR$3.new" ;;
  esac
  mv -f "$DESTDIR$3.new" "$DESTDIR$3"
}

# Directories and files of the service user. They lie where that user could put a link while root works: so nothing here
# follows one. What is there already keeps its owner and mode.
own_directory() {
  [ ! -d "$DESTDIR$1" ] || return 0
  mkdir -p "$DESTDIR${1%/*}"
  mkdir -m 0700 "$DESTDIR$1"
  ! sets_owner || chown -h "$SERVICE_USER:$SERVICE_GROUP" "$DESTDIR$1"
}

# Arguments: mode, target. The content comes on standard input.
own_file() {
  made=$(mktemp "$DESTDIR$sysconfdir/.gemini-code.XXXXXX")
  cat > "$made"
  chmod "$1" "$made"
  ! sets_owner || chown "$SERVICE_USER:$SERVICE_GROUP" "$made"
  mv -T "$made" "$DESTDIR$2"
  say "made $2"
}

installdirs() {
  present_files | while read -r _ _ target; do mkdir -p "$DESTDIR${target%/*}"; done
  for directory in "$etc" "$etc/conf.d" "$state" "$state/spool" "$log" "$backups"; do own_directory "$directory"; done
}

# Another user than last time could not read what the last one left.
check_user() {
  sets_owner || return 0
  for directory in "$etc" "$state" "$log" "$backups"; do
    [ -d "$directory" ] || continue
    owner=$(stat -c %U "$directory")
    [ "$owner" = "$SERVICE_USER" ] ||
      fail "$directory belongs to $owner: say SERVICE_USER=$owner, or chown -R $etc, $state, $log and $backups first"
  done
  getent group "$SERVICE_GROUP" > /dev/null || groupadd --system "$SERVICE_GROUP"
  if ! getent passwd "$SERVICE_USER" > /dev/null; then
    useradd --system --gid "$SERVICE_GROUP" --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin \
      "$SERVICE_USER"
    say "made the user $SERVICE_USER"
  fi
}

configure() {
  sample=$share/gemini-code.properties
  grep -q '^log.file = ' "$DESTDIR$sample" || fail "the sample has no line for log.file any more"
  if [ -e "$DESTDIR$etc/gemini-code.properties" ]; then
    say "kept $etc/gemini-code.properties; this version's sample is $sample"
  else
    own_file 0600 "$etc/gemini-code.properties" < "$DESTDIR$sample"
  fi
  # A new salt would make strangers of all keys that the databases know.
  [ ! -e "$DESTDIR$etc/key.salt" ] || return 0
  head -c 32 /dev/urandom | own_file 0400 "$etc/key.salt"
  say "back it up: without it no key in the databases is known again"
  [ -z "$DESTDIR" ] || say "a package must not carry it"
}

# Argument: what changed_sites said before the examples were replaced.
place_sites() {
  sites | while read -r name target; do
    if printf '%s\n' "$1" | grep -qxF "$target"; then
      say "kept $target, which was changed; this version's is $share/$name"
    elif [ -n "$DESTDIR" ] || [ -d "${target%/*}" ]; then
      mkdir -p "$DESTDIR${target%/*}"
      cp "$DESTDIR$share/$name" "$DESTDIR$target.new"
      mv -f "$DESTDIR$target.new" "$DESTDIR$target"
      case $name in
        cron/* | logrotate/*) say "placed $target" ;;
        *) say "placed $target, not enabled" ;;
      esac
    fi
  done
}

next_steps() {
  echo "Next, as root; after an update the first and the last:"
  say "runuser -u $SERVICE_USER -- $sbindir/gemini-code-migrate up"
  [ "$SERVICE_USER" = www-data ] || say "systemctl daemon-reload && systemctl enable --now gemini-code"
  say "enable the mount, as $docdir/mounting.md says"
  say "systemctl daemon-reload && systemctl enable --now gemini-code-{aggregate,backup,prune,drill}.timer"
  say "  (without systemd $sysconfdir/cron.d/gemini-code does it, where cron is installed)"
  if [ "$SERVICE_USER" = www-data ]; then
    say "systemctl reload the web server"
  else
    say "systemctl reload the web server, and gemini-code"
  fi
}

install_all() {
  check_user
  changed=$(changed_sites)
  installdirs
  present_files | while read -r mode source target; do put "$mode" "$source" "$target"; done
  echo "Installed $libexecdir/gemini-code.fcgi, programs in $sbindir, examples in $share."
  configure
  place_sites "$changed"
  next_steps
}

# ---- removing --------------------------------------------------------------------------------------------------------

uninstall() {
  for link in "$DESTDIR$sysconfdir"/*/*-enabled/*gemini-code* \
    "$DESTDIR$sysconfdir"/systemd/system/*.wants/gemini-code*; do
    [ ! -L "$link" ] || fail "$link still uses it: disable that first"
  done
  changed=$(changed_sites)
  sites | while read -r _ target; do
    if printf '%s\n' "$changed" | grep -qxF "$target"; then
      say "kept $target, which was changed"
    else
      rm -f "$DESTDIR$target"
    fi
  done
  present_files | while read -r _ _ target; do rm -f "$DESTDIR$target"; done
  for directory in "$share" "$docdir" "$systemdunitdir/gemini-code-.service.d"; do
    [ ! -d "$DESTDIR$directory" ] || find "$DESTDIR$directory" -depth -type d -empty -delete
  done
  echo "Removed. Kept configuration and salt in $etc, databases in $state, backups in $backups,"
  echo "logs in $log, and the user $SERVICE_USER."
}

case ${1:-} in
  installdirs)
    check_user
    installdirs ;;
  install) install_all ;;
  uninstall) uninstall ;;
  *) fail "usage: install.sh installdirs|install|uninstall" ;;
esac
