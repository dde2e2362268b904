// restore.cc: finds, checks and restores a backup.
// A damaged database: SQLite's backup API needs the target's first page and schema only; the rest it overwrites unread.
// So one damaged further in is restored in place, like any other. One that SQLite does not take for a database is moved
// aside, with its -wal (which would be replayed into its successor) and -shm, and the new one is linked into its place;
// processes that have the old file open notice that it moved, before their next commit.
// SPDX-License-Identifier: MIT
#include "jobs/restore.h"

#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/version.h"
#include "jobs/backup_make.h"
#include "jobs/files.h"
#include "jobs/job.h"
#include "jobs/job_run.h"
#include "jobs/unpack.h"
#include "store/checkpoint.h"
#include "store/migrations.h"
#include "store/turn_lock.h"

namespace gc::jobs {
namespace {

constexpr int kBusyTimeoutMs = 30'000;
constexpr int kCheckpointTimeoutMs = 5000;

// The backup that is meant: a path, a name in the directory, or a time.
Result<std::string> FindWanted(const RestoreOptions& options) {
  const std::string inside = options.directory + "/" + options.wanted;
  const bool is_path = options.wanted.find('/') != std::string::npos;
  if (!is_path && Exists(inside)) return inside;
  if (is_path || Exists(options.wanted)) return options.wanted;
  if (options.wanted.starts_with("gemini-code-")) {
    return Error{ErrorKind::kNotFound, "there is no " + options.wanted + " in " + options.directory};
  }
  const auto backups = ListBackups(options.directory);
  if (!backups) return backups.error();
  const auto found = FindBackup(*backups, options.wanted);
  if (!found) return Error{found.error().kind, options.directory + ": " + found.error().message};
  return options.directory + "/" + found->name.Text();
}

Status CheckConfirmed(const RestoreOptions& options, const std::string& backup) {
  const std::string name = BaseName(backup);
  if (options.force || options.dry_run || options.confirmed == name) return {};
  if (!options.confirmed.empty()) {
    return Error{ErrorKind::kInvalid, "--confirm=" + options.confirmed + " is not the name of the backup, " + name};
  }
  if (options.ask) return {};
  return Error{ErrorKind::kInvalid, "restoring replaces " + options.database_path + ": say --confirm=" + name};
}

class Restore {
 public:
  Restore(const RestoreOptions& options, std::string backup, Clock& clock, Console* console)
      : options_(options),
        backup_(std::move(backup)),
        live_(options.database_path),
        now_(clock.UnixS()),
        copy_(live_ + ".restoring"),
        console_(console) {}
  ~Restore() { RemoveDatabase(copy_); }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

  // Everything up to the point where a database is changed.
  Status Prepare() {
    RemoveDatabase(copy_);
    if (Status s = CheckSpaceFor(); !s.ok()) return s;
    auto unpacked = Unpack(backup_, copy_, options_.depth, console_);
    if (!unpacked) return unpacked.error();
    facts_ = std::move(unpacked->facts);
    if (!unpacked->manifest) console_->Warn(backup_ + " has no manifest: nothing tells whether it is all that it was");
    return BringUp();
  }

  // The present database as a backup; its files as they are when it is damaged.
  Status Keep() {
    if (!Exists(live_) || options_.safety_copy == SafetyCopy::kNo) return {};
    auto made = MakeSafetyCopy(live_, options_.directory, now_, console_);
    if (made.ok()) {
      kept_ = std::move(*made);
      return {};
    }
    const Error& why = made.error();
    if (why.kind == ErrorKind::kCorrupt) return KeepFiles(why);
    return Error{why.kind, "no safety copy of the present database: " + why.message +
                               "; nothing was changed (--no-safety-backup does without)"};
  }

  Status Apply() {
    if (!Exists(live_)) {
      if (Status s = Install(); !s.ok()) return s;
    } else if (Status s = Overwrite(); !s.ok()) {
      return s;
    }
    const auto now = store::CheckLiveDatabase(live_, options_.depth);
    if (!now) return Error{now.error().kind, "after the restore: " + now.error().message};
    return {};
  }

  void Report() const {
    int64_t rows = 0;
    for (const store::TableRows& table : facts_.rows) rows += table.rows;
    if (!console_->json()) {
      const std::string what = options_.dry_run ? " can be restored to " : " restored to ";
      console_->Say(BaseName(backup_) + what + live_ + ": " + std::to_string(rows) + " rows" +
                    (facts_.schema_version == store::kSchemaVersion
                         ? ""
                         : ", schema version " + std::to_string(facts_.schema_version) + " brought to " +
                               std::to_string(store::kSchemaVersion)));
      if (!kept_.empty()) console_->Say("what was there before: " + kept_);
      return;
    }
    std::string text;
    json::Writer w(&text);
    w.BeginObject().Key("backup").String(json::CleanUtf8(backup_)).Key("database").String(json::CleanUtf8(live_));
    w.Key("dry_run").Bool(options_.dry_run).Key("rows").Int(rows).Key("database_bytes").Int(facts_.bytes);
    w.Key("schema_version").Int(store::kSchemaVersion).Key("backup_schema_version").Int(facts_.schema_version);
    w.Key("before").String(json::CleanUtf8(kept_)).EndObject();
    console_->Print(text);
  }

  const store::DatabaseFacts& facts() const { return facts_; }

 private:
  // The copy, and the WAL that takes it; a backup without a manifest does not tell.
  Status CheckSpaceFor() const {
    const auto manifest = ReadManifest(backup_);
    if (!manifest) return {};
    const auto free = FreeBytes(DirectoryOf(live_));
    if (!free) return free.error();
    const int64_t needed = manifest->facts.bytes * (options_.dry_run ? 1 : 2);
    if (*free >= needed) return {};
    return Error{ErrorKind::kFull,
                 DirectoryOf(live_) + ": " + BytesText(*free) + " are free, " + BytesText(needed) + " are needed"};
  }

  // An older schema is migrated before it goes live: the gateway never meets one that it does not know.
  Status BringUp() const {
    if (facts_.schema_version == store::kSchemaVersion) return {};
    const auto up = store::Up(copy_, store::Database::kMain, store::DryRun::kNo, kVersion, 0);
    if (!up) return up.error();
    const auto checked = store::CheckDatabase(copy_, options_.depth);
    if (!checked) return checked.error();
    return {};
  }

  std::string DamagedName() const { return live_ + ".damaged-" + std::to_string(now_); }

  // REQUIRES: this process has no connection to it, or closing the file here would drop that one's locks.
  Status KeepFiles(const Error& why) {
    console_->Warn("the present database is damaged (" + why.message + "); its files are kept as they are");
    for (const char* suffix : {"", "-wal"}) {
      if (!Exists(live_ + suffix)) continue;
      auto in = ArchiveReader::OpenRaw(live_ + suffix);
      if (!in) return in.error();
      auto out = ArchiveWriter::Create(DamagedName() + suffix, Compression::kNone);
      if (!out) return out.error();
      std::string buffer(size_t{1} << 20, '\0');
      for (;;) {
        const auto bytes = in->Read(buffer.data(), buffer.size());
        if (!bytes) return bytes.error();
        if (*bytes == 0) break;
        if (Status s = out->Write({buffer.data(), *bytes}); !s.ok()) return s;
      }
      if (const auto written = out->Finish(); !written) return written.error();
    }
    kept_ = DamagedName();
    return {};
  }

  Status Overwrite() {
    std::optional<Progress> progress;
    Status done = store::RestoreInto(copy_, live_, kBusyTimeoutMs, [&](int64_t pages, int64_t total) {
      if (!progress) progress.emplace(console_, "restoring", total, "pages");
      progress->Set(pages);
    });
    progress.reset();
    if (done.ok()) {
      ShrinkWal();
      return {};
    }
    if (done.error().kind != ErrorKind::kCorrupt) return done;
    console_->Note(done.error().message + ": moved aside");
    return Install();
  }

  // The restored pages are all in the WAL: into the database with them, as far as readers allow.
  void ShrinkWal() const {
    auto holder = store::Connection::Open(live_, store::OpenMode::kReadWrite, kCheckpointTimeoutMs);
    auto checkpointer = store::Connection::Open(live_, store::OpenMode::kReadWrite, kCheckpointTimeoutMs);
    if (!holder || !checkpointer) return;
    store::TurnLock turns(live_);
    const auto moved = store::Checkpoint(*holder, *checkpointer, turns, kCheckpointTimeoutMs);
    if (!moved) console_->Note("no checkpoint: " + moved.error().message);
  }

  // The checked copy under the database's name, which has to be free. What is there is moved aside, -wal and -shm
  // first: a kill in between leaves a damaged database without them, not a new one with the old ones.
  Status Install() {
    for (const char* suffix : {"-wal", "-shm", ""}) {
      if (!Exists(live_ + suffix)) continue;
      if (Status s = Rename(live_ + suffix, DamagedName() + suffix); !s.ok()) return s;
      kept_ = DamagedName();
    }
    {
      // WAL mode stays with the file.
      const auto wal = store::Connection::Open(copy_, store::OpenMode::kCreate, 0);
      if (!wal) return wal.error();
    }
    if (Status s = SyncFile(copy_); !s.ok()) return s;
    // Unlike a rename this does not replace a database that somebody made meanwhile.
    if (link(copy_.c_str(), live_.c_str()) != 0) return SystemError("cannot make " + live_, errno);
    return SyncDirectory(DirectoryOf(live_));
  }

  const RestoreOptions& options_;
  const std::string backup_;
  const std::string live_;
  const int64_t now_;
  const std::string copy_;
  Console* console_;
  store::DatabaseFacts facts_;
  std::string kept_;  // where the present database is now
};

int RunLocked(const RestoreOptions& options, const std::string& backup, Clock& clock, Console* console) {
  Restore restore(options, backup, clock, console);
  if (Status s = restore.Prepare(); !s.ok()) return console->Fail(s.error());
  if (options.dry_run) {
    restore.Report();
    return EX_OK;
  }
  if (options.ask && !options.force && options.confirmed.empty() && !options.ask()) {
    return console->Fail(EX_USAGE, "not confirmed; nothing was changed");
  }
  // The row comes after it: a damaged database is kept as it was found.
  Status done = restore.Keep();
  JobRecord record(console, options.database_path, "restore");
  for (const store::TableRows& table : restore.facts().rows)
    record.row().rows = record.row().rows.value_or(0) + table.rows;
  record.row().bytes = restore.facts().bytes;
  record.row().message = BaseName(backup);
  if (done.ok()) done = restore.Apply();
  if (!done.ok()) {
    record.row().message = done.error().message;
    return record.End(console->Fail(done.error()));
  }
  restore.Report();
  return record.End(EX_OK);
}

}  // namespace

int RunRestore(const RestoreOptions& options, Clock& clock, Console* console) {
  if (options.wanted.empty()) {
    return console->Fail(EX_USAGE, "say which backup: a file, its name, a date or latest; see gemini-code-backup list");
  }
  const auto backup = FindWanted(options);
  if (!backup) {
    return console->Fail(backup.error().kind == ErrorKind::kInvalid ? EX_USAGE : ExitCodeOf(backup.error().kind),
                         backup.error().message);
  }
  if (Status s = CheckConfirmed(options, *backup); !s.ok()) return console->Fail(EX_USAGE, s.error().message);
  struct stat wanted {};
  struct stat present {};
  if (stat(backup->c_str(), &wanted) == 0 && stat(options.database_path.c_str(), &present) == 0 &&
      wanted.st_dev == present.st_dev && wanted.st_ino == present.st_ino) {
    return console->Fail(EX_USAGE, *backup + " is the database itself");
  }
  if (Status s = MakeParents(options.database_path); !s.ok()) {
    const bool missing = s.error().kind == ErrorKind::kNotFound;
    return console->Fail(missing ? EX_CANTCREAT : ExitCodeOf(s.error().kind), s.error().message);
  }
  // Neither two restores, nor a backup of what is half way.
  const auto lock = JobLock::Take(options.database_path, "restore", options.lock_wait_s);
  if (!lock) return console->Fail(lock.error());
  const auto backups = JobLock::Take(options.database_path, "backup", options.lock_wait_s);
  if (!backups) return console->Fail(backups.error());
  return RunLocked(options, *backup, clock, console);
}

}  // namespace gc::jobs
