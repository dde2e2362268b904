// migrate_reset.cc: makes the main database empty again, once somebody has said that this is meant.
// SPDX-License-Identifier: MIT
#include <sysexits.h>

#include <string>

#include "base/json.h"
#include "base/version.h"
#include "jobs/job_run.h"
#include "jobs/migrate_parts.h"

namespace gc::jobs {
namespace {

constexpr int kBusyTimeoutMs = 5000;

Status Confirm(const MigrateOptions& options, Console* console) {
  const std::string name = options.database_path.substr(options.database_path.rfind('/') + 1);
  if (!options.confirm.empty()) {
    if (options.confirm == name) return {};
    return Error{ErrorKind::kInvalid, "--confirm=" + options.confirm + " is not the name of the file, " + name};
  }
  if (options.terminal == nullptr) {
    return Error{ErrorKind::kInvalid,
                 "reset deletes all rows of " + options.database_path + ": it needs --confirm=" + name};
  }
  console->WriteError("All rows of " + options.database_path + " will be deleted. Type " + name + " to go on: ");
  std::string answer;
  std::getline(*options.terminal, answer);
  if (answer == name) return {};
  return Error{ErrorKind::kInvalid, "not confirmed: " + name + " was not changed"};
}

int Empty(const MigrateOptions& options, Console* console) {
  JobRecord record(console, options.database_path, "migrate");
  record.row().message = "reset";
  Status done = BackupFirst(options);
  if (done.ok()) done = store::Reset(options.database_path, store::Database::kMain, kVersion, kBusyTimeoutMs);
  if (!done.ok()) {
    record.row().message = "reset: " + done.error().message;
    return record.End(console->Fail(done.error()));
  }
  return record.End(EX_OK);
}

}  // namespace

int RunReset(const MigrateOptions& options, Console* console) {
  // What `up` would refuse is refused before anybody is asked.
  const auto state =
      store::Up(options.database_path, store::Database::kMain, store::DryRun::kYes, kVersion, kBusyTimeoutMs);
  if (!state) return console->Fail(state.error());
  if (state->from_version == 0) {
    return console->Fail(EX_NOINPUT, options.database_path + ": there is no database yet: gemini-code-migrate up");
  }
  const bool dry = options.dry_run == store::DryRun::kYes;
  if (!dry) {
    if (!options.no_backup && !options.backup_first) {
      return console->Fail(EX_USAGE, "no backup can be made; --no-backup resets without one");
    }
    if (Status s = Confirm(options, console); !s.ok()) return console->Fail(EX_USAGE, s.error().message);
    const int code = WithLock(options, console, [&] { return Empty(options, console); });
    if (code != EX_OK) return code;
  }
  console->Say(options.database_path + (dry ? ": would be emptied" : ": emptied") + ", schema version " +
               std::to_string(store::kSchemaVersion));
  if (console->json()) {
    std::string text;
    json::Writer w(&text);
    w.BeginObject().Key("command").String("reset").Key("dry_run").Bool(dry).Key("databases").BeginArray();
    w.BeginObject().Key("database").String("main").Key("path").String(json::CleanUtf8(options.database_path));
    w.Key("version").Int(store::kSchemaVersion).Key("from_version").Int(state->from_version).EndObject();
    w.EndArray().EndObject();
    console->Print(text);
  }
  return EX_OK;
}

}  // namespace gc::jobs
