# Makefile: builds, runs and tests Gemini Code. GNU make on Debian 12; `make help` lists the targets.
# Each target installs the Debian packages it misses (as root or with sudo) and says which. V=1 shows the commands.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
SHELL := /bin/sh

# Directories, by the GNU conventions.
prefix = /usr
exec_prefix = $(prefix)
sbindir = $(exec_prefix)/sbin
libexecdir = /usr/lib/cgi-bin
sysconfdir = /etc
localstatedir = /var
datadir = $(prefix)/share
docdir = $(datadir)/doc/gemini-code
mandir = $(datadir)/man
systemdunitdir = /usr/lib/systemd/system
sysusersdir = /usr/lib/sysusers.d
DESTDIR =
INSTALL = install

# make install: who owns the configuration, the salt, the databases and the logs. www-data: the web server starts the
# gateway; any other user gets a socket of its own (systemd).
SERVICE_USER = gemini-code
SERVICE_GROUP = $(SERVICE_USER)

# make run, make demo
PORT = 8080
UPSTREAM =
SERVER = lighttpd
MODE = fcgi
CONF =

# make fuzz: which targets (all, when none is named), and for how long each.
FUZZ =
FUZZ_SECONDS = 60

CXX = g++
CXXFLAGS = -O2 -g
LDFLAGS =
# FLAVOUR: plain, asan, ubsan, tsan or fuzz; each has its own build directory.
FLAVOUR = plain
BUILD = build/$(FLAVOUR)

-include local.mk

V = 0
Q_0 = @
Q_1 =
Q = $(Q_$(V))
say_0 = @printf '  %-7s %s\n'
say_1 = @:
say = $(say_$(V))

# ---- flags -----------------------------------------------------------------------------------------------------------

warnings = -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wformat=2 -Werror=format-security -Werror=switch
hardening = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
our_cxxflags = -std=c++20 -Isrc -MMD -MP -pthread $(warnings) \
  -DGEMINI_CODE_SYSCONFDIR='"$(sysconfdir)"' -DGEMINI_CODE_LOCALSTATEDIR='"$(localstatedir)"'
our_ldflags = -pthread -Wl,--as-needed
sanitize_asan = -fsanitize=address
sanitize_ubsan = -fsanitize=undefined -fno-sanitize-recover=all
sanitize_tsan = -fsanitize=thread
# The fuzzer's main comes in with fuzz_libs. RapidJSON adds offsets to null pointers that it does not use.
sanitize_fuzz = -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize=pointer-overflow -fno-sanitize-recover=all
ifeq ($(FLAVOUR),fuzz)
  CXX = clang++
  CXXFLAGS = -O1 -g
endif
ifeq ($(FLAVOUR),plain)
  our_cxxflags += $(hardening)
  # Static where a CGI start would pay for finding the library: libstdc++ 0.8 ms, libfcgi and nettle 0.1 ms each.
  our_ldflags += -pie -Wl,-z,relro,-z,now -static-libstdc++ -static-libgcc
else
  our_cxxflags += $(sanitize_$(FLAVOUR)) -fno-omit-frame-pointer
  our_ldflags += $(sanitize_$(FLAVOUR))
endif

store_libs = -lsqlite3 -l:libnettle.a
handler_libs = -l:libfcgi.a $(store_libs) -ldl
jobs_libs = -lPocoUtil -lPocoDataSQLite -lPocoData -lPocoFoundation -lzstd $(store_libs)
fuzz_libs = -fsanitize=fuzzer $(store_libs) -ldl
test_libs = -lgtest -lgtest_main -lcurl $(store_libs) -ldl

# ---- packages --------------------------------------------------------------------------------------------------------

packages_build = g++ libfcgi-dev libcurl4-openssl-dev libsqlite3-dev rapidjson-dev nettle-dev libpoco-dev libzstd-dev
# What each web server needs to run the gateway: apache2-bin and nginx without their services, spawn-fcgi for the socket.
packages_lighttpd = lighttpd
packages_apache = apache2-bin libapache2-mod-fcgid spawn-fcgi
packages_nginx = nginx spawn-fcgi
packages_run = ca-certificates $(packages_$(SERVER))
packages_check = libgtest-dev nodejs npm curl systemd procps mandoc logrotate ca-certificates openssl \
  $(packages_lighttpd) $(packages_apache) $(packages_nginx)
packages_bench = wrk openssl ca-certificates libgtest-dev sqlite3 zstd $(packages_lighttpd) $(packages_apache) \
  $(packages_nginx)
packages_fuzz = clang libclang-rt-dev
packages_lint = clang-format clang-tidy cppcheck shellcheck
packages_fresh = debootstrap git
packages_cron = cron sqlite3

need = $(Q)sh tests/support/need.sh

# The targets that build and then do something build on all cores, unless the caller said how.
submake = $(Q)$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: need-build need-run need-check need-bench need-fuzz need-lint need-fresh need-cron
need-build:
	$(need) $(packages_build)
need-run: need-build
	$(need) $(packages_run)
need-check: need-build
	$(need) $(packages_check)
need-bench: need-build
	$(need) $(packages_bench)
need-fuzz: need-build
	$(need) $(packages_fuzz)
need-lint: need-build
	$(need) $(packages_lint)
need-fresh:
	$(need) $(packages_fresh)
need-cron: need-build
	$(need) $(packages_cron)

# ---- sources ---------------------------------------------------------------------------------------------------------

objects = $(patsubst %.cc,$(BUILD)/%.o,$(1))
base_sources := $(wildcard src/base/*.cc)
store_sources := $(wildcard src/store/*.cc)
handler_sources := $(filter-out src/handler/main.cc,$(wildcard src/handler/*.cc))
jobs_sources := $(filter-out %_main.cc,$(wildcard src/jobs/*.cc))
jobs := $(patsubst src/jobs/%_main.cc,%,$(wildcard src/jobs/*_main.cc))
fake_sources := $(filter-out %_main.cc,$(wildcard tests/support/fake_gemini*.cc))
support_sources := $(filter-out tests/support/fake_gemini%,$(wildcard tests/support/*.cc))
unit_sources := $(wildcard tests/unit/*.cc)
e2e_sources := $(wildcard tests/e2e/*.cc)
# The targets, which the unit tests run as well, and the program that mutates their input.
fuzz_sources := $(filter-out tests/fuzz/main.cc,$(wildcard tests/fuzz/*.cc))
# The helpers of the benchmark are a program each, the rest is the driver.
bench_helpers := sse_server constant_handler curl_loop cgi_constant
bench_sources := $(filter-out $(bench_helpers:%=tests/bench/%.cc),$(wildcard tests/bench/*.cc))

base_objects := $(call objects,$(base_sources))
store_objects := $(call objects,$(store_sources)) $(BUILD)/gen/migrations_data.o
handler_objects := $(call objects,$(handler_sources))
jobs_objects := $(call objects,$(jobs_sources))
fuzz_objects := $(call objects,$(fuzz_sources))
fake_objects := $(call objects,$(fake_sources))
support_objects := $(call objects,$(support_sources))

programs = $(BUILD)/gemini-code.fcgi $(jobs:%=$(BUILD)/gemini-code-%)
bench_programs = $(BUILD)/bench $(addprefix $(BUILD)/bench-,$(subst _,-,$(bench_helpers)))
test_programs = $(BUILD)/unit-tests $(BUILD)/e2e-tests $(BUILD)/fake-gemini $(BUILD)/test-network.so

.PHONY: all
all: $(programs)

$(BUILD)/gemini-code.fcgi: $(call objects,src/handler/main.cc) $(handler_objects) $(store_objects) $(base_objects)
$(BUILD)/gemini-code.fcgi: libs = $(handler_libs)
$(BUILD)/gemini-code-%: $(BUILD)/src/jobs/%_main.o $(jobs_objects) $(store_objects) $(base_objects)
	$(say) LINK $@
	$(Q)$(CXX) $(our_ldflags) $(LDFLAGS) -o $@ $(filter %.o,$^) $(jobs_libs)
$(BUILD)/fake-gemini: $(call objects,tests/support/fake_gemini_main.cc) $(fake_objects) $(base_objects)
$(BUILD)/fake-gemini: libs = $(store_libs) -ldl
$(BUILD)/unit-tests: $(call objects,$(unit_sources)) $(fuzz_objects) $(support_objects) $(fake_objects) \
  $(handler_objects) $(jobs_objects) $(store_objects) $(base_objects)
$(BUILD)/unit-tests: libs = -l:libfcgi.a $(test_libs) $(jobs_libs)
$(BUILD)/e2e-tests: $(call objects,$(e2e_sources)) $(support_objects) $(fake_objects) $(store_objects) $(base_objects)
$(BUILD)/e2e-tests: libs = $(test_libs)
$(BUILD)/fuzz: $(call objects,tests/fuzz/main.cc tests/unit/vector_compare.cc) $(fuzz_objects) $(fake_objects) \
  $(handler_objects) $(store_objects) $(base_objects)
$(BUILD)/fuzz: libs = -l:libfcgi.a $(fuzz_libs)
# Preloaded into the program under test.
$(BUILD)/test-network.so: tests/preload/network.cc src/base/ip.cc src/base/ip.h $(BUILD)/flags | need-build
	$(say) LINK $@
	$(Q)$(CXX) -std=c++20 -Isrc $(warnings) -O2 -fPIC -shared $(LDFLAGS) -o $@ $(filter %.cc,$^) -ldl
$(BUILD)/bench: $(call objects,$(bench_sources) $(addprefix tests/support/,process.cc http.cc raw_server.cc write_load.cc)) \
  $(store_objects) $(base_objects)
$(BUILD)/bench: libs = -lgtest -lcurl $(store_libs) -ldl
$(BUILD)/bench-sse-server: $(call objects,tests/bench/sse_server.cc)
$(BUILD)/bench-constant-handler: $(call objects,tests/bench/constant_handler.cc)
$(BUILD)/bench-constant-handler: libs = -l:libfcgi.a
$(BUILD)/bench-curl-loop: $(call objects,tests/bench/curl_loop.cc)
$(BUILD)/bench-curl-loop: libs = -lcurl
$(BUILD)/bench-cgi-constant: $(call objects,tests/bench/cgi_constant.cc)

$(BUILD)/gemini-code.fcgi $(BUILD)/fake-gemini $(BUILD)/unit-tests $(BUILD)/e2e-tests $(BUILD)/fuzz $(bench_programs):
	$(say) LINK $@
	$(Q)$(CXX) $(our_ldflags) $(LDFLAGS) -o $@ $(filter %.o,$^) $(libs)

$(BUILD)/%.o: %.cc $(BUILD)/flags | need-build
	$(say) CXX $<
	@mkdir -p $(@D)
	$(Q)$(CXX) $(our_cxxflags) $(CXXFLAGS) $(extra_include) -c -o $@ $<

$(call objects,$(unit_sources) $(e2e_sources) $(support_sources) $(fake_sources) tests/support/fake_gemini_main.cc \
  $(wildcard tests/bench/*.cc tests/fuzz/*.cc)): \
  extra_include = -Itests
$(call objects,$(unit_sources) $(e2e_sources) $(support_sources)): | need-check

$(BUILD)/gen/migrations_data.o: $(BUILD)/gen/migrations_data.cc $(BUILD)/flags | need-build
	$(say) CXX $<
	$(Q)$(CXX) $(our_cxxflags) $(CXXFLAGS) -c -o $@ $<

$(BUILD)/gen/migrations_data.cc: db/embed.sh $(wildcard db/migrations/*.sql db/state-migrations/*.sql)
	$(say) GEN $@
	@mkdir -p $(@D)
	$(Q)sh db/embed.sh > $@

# Rebuilds everything when the flags change.
flags_now = $(CXX) $(our_cxxflags) $(CXXFLAGS) $(our_ldflags) $(LDFLAGS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$(subst ",,$(flags_now))" | cmp -s - $@ || printf '%s\n' "$(subst ",,$(flags_now))" > $@
.PHONY: FORCE
FORCE:

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- run -------------------------------------------------------------------------------------------------------------

run_environment = BUILD=$(BUILD) STATE=var PORT='$(PORT)' SERVER='$(SERVER)' MODE='$(MODE)' UPSTREAM='$(UPSTREAM)' \
  CONF='$(CONF)'

.PHONY: run demo check-run-variables
check-run-variables:
	@case '$(SERVER)-$(MODE)' in \
	  lighttpd-fcgi|lighttpd-cgi|apache-fcgi|apache-fcgid|apache-cgi|nginx-fcgi) ;; \
	  *) echo 'SERVER and MODE must be: lighttpd fcgi|cgi, apache fcgi|fcgid|cgi, or nginx fcgi'; exit 64 ;; \
	esac

run: check-run-variables need-run
	+$(submake) all
	$(Q)$(run_environment) exec sh conf/run.sh

demo: check-run-variables need-run
	+$(submake) all $(BUILD)/fake-gemini
	$(Q)$(run_environment) STATE=var/demo FAKE=$(BUILD)/fake-gemini exec sh conf/run.sh

# ---- checks ----------------------------------------------------------------------------------------------------------

.PHONY: check check-all check-cron unit lint asan ubsan tsan clients
check: need-check
	+$(submake) $(programs) $(test_programs) clients
	$(Q)BUILD=$(BUILD) sh tests/run.sh

# What takes long: about 45 minutes on two cores.
check-all:
	+$(Q)$(MAKE) --no-print-directory lint
	+$(Q)$(MAKE) --no-print-directory check
	+$(Q)$(MAKE) --no-print-directory check-cron
	+$(Q)$(MAKE) --no-print-directory asan
	+$(Q)$(MAKE) --no-print-directory ubsan
	+$(Q)$(MAKE) --no-print-directory tsan
	+$(submake) need-bench $(BUILD)/bench
	$(Q)BUILD=$(BUILD) PATH=$$PATH:/usr/sbin $(BUILD)/bench --rounds 1 --rows 5000000 prune together

check-cron: need-cron
	+$(submake) all
	$(Q)sh tests/cron/check.sh

clients: tests/clients/node_modules/.installed
$(test_programs): | need-check
tests/clients/node_modules/.installed: tests/clients/package-lock.json | need-check
	$(say) NPM tests/clients
	$(Q)cd tests/clients && npm ci --no-audit --no-fund --silent
	$(Q)touch $@

unit: need-check
	+$(submake) $(BUILD)/unit-tests
	$(Q)$(BUILD)/unit-tests --gtest_brief=1

our_files = $(shell find src tests -name '*.h' -o -name '*.cc' | grep -v node_modules)
lint: need-lint need-check
	+$(Q)$(MAKE) --no-print-directory $(BUILD)/gen/migrations_data.cc
	$(Q)sh tests/lint/layers.sh
	$(Q)sh tests/lint/files.sh
	$(say) FORMAT
	$(Q)clang-format --dry-run --Werror $(our_files)
	$(say) SHELL
	$(Q)shellcheck $(shell find conf db tests .ci -name '*.sh' -not -path '*/node_modules/*') .ci/run
	$(say) CPPCHECK
	$(Q)cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --std=c++20 --inline-suppr \
	  --suppress=readdirCalled -Isrc src
	$(say) TIDY
	$(Q)printf '%s\n' $(filter %.cc,$(our_files)) | xargs -P 2 -n 4 sh tests/lint/tidy.sh

asan:
	+$(Q)$(MAKE) --no-print-directory FLAVOUR=asan check
ubsan:
	+$(Q)$(MAKE) --no-print-directory FLAVOUR=ubsan check
tsan:
	+$(Q)$(MAKE) --no-print-directory FLAVOUR=tsan check

.PHONY: fuzz
fuzz: need-fuzz
	+$(submake) FLAVOUR=fuzz build/fuzz/fuzz
	$(Q)BUILD=build/fuzz FUZZ_SECONDS='$(FUZZ_SECONDS)' sh tests/fuzz/run.sh $(FUZZ)

.PHONY: check-fresh
check-fresh: need-fresh
	$(Q)sh tests/fresh/check.sh

# ---- install ---------------------------------------------------------------------------------------------------------

install_variables = sbindir libexecdir sysconfdir localstatedir datadir docdir mandir systemdunitdir sysusersdir DESTDIR \
  INSTALL SERVICE_USER SERVICE_GROUP
install_sh = $(Q)$(foreach name,$(install_variables),$(name)='$($(name))') PROGRAMS='$(programs)' sh conf/install.sh

.PHONY: install installdirs uninstall
install: all
	$(install_sh) install
installdirs:
	$(install_sh) installdirs
uninstall:
	$(install_sh) uninstall

# ---- dist ------------------------------------------------------------------------------------------------------------

# What is committed, and nothing else; the same commit gives the same bytes.
version = $(shell git show HEAD:src/base/version.h | sed -n 's/.*kVersion\[\] = "\(.*\)".*/\1/p')
.PHONY: dist
dist:
	$(Q)mkdir -p build
	$(Q)git -c tar.umask=0022 -c tar.tar.gz.command='gzip -n -9' archive --format=tar.gz \
	  --prefix=gemini-code-$(version)/ -o build/gemini-code-$(version).tar.gz HEAD
	$(say) DIST build/gemini-code-$(version).tar.gz

# ---- benchmark -------------------------------------------------------------------------------------------------------

.PHONY: bench
bench: need-bench
	@[ '$(FLAVOUR)' = plain ] || { echo 'bench measures the plain build'; exit 64; }
	+$(submake) $(programs) $(bench_programs)
	$(Q)BUILD=$(BUILD) PATH=$$PATH:/usr/sbin $(BUILD)/bench

.PHONY: clean help
clean:
	rm -rf build tests/clients/node_modules

help:
	@echo 'all      build the programs into $(BUILD)'
	@echo 'run      start the gateway on 127.0.0.1:PORT; UPSTREAM= SERVER=lighttpd|apache|nginx'
	@echo '         MODE=fcgi|cgi|fcgid CONF='
	@echo 'demo     the same with a fake Gemini: no key, no network'
	@echo 'check    all tests; last line: N passed, N failed'
	@echo 'check-all   lint, check, check-cron, asan, ubsan, tsan: everything that takes long'
	@echo 'check-cron  the schedule, run by a real cron (as root or with sudo)'
	@echo 'lint     layers, headings, clang-format, shellcheck, cppcheck, clang-tidy'
	@echo 'check-fresh   the README from clone to mount, in a new Debian 12 (as root, some ten minutes)'
	@echo 'install  programs, configuration, examples, systemd units; SERVICE_USER= DESTDIR= prefix='
	@echo 'uninstall   what install placed; configuration, salt, databases and logs stay'
	@echo 'dist     build/gemini-code-VERSION.tar.gz of what is committed'
	@echo 'asan, ubsan, tsan   check under a sanitizer'
	@echo 'fuzz     made-up input against what always holds; FUZZ=names FUZZ_SECONDS=60 (for each)'
	@echo 'bench    the bounds of docs/benchmarks.md, in 8 minutes; fails when one is not met or void'
	@echo 'clean    remove what was built'
