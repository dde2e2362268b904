// migrate.cc: chooses the command; applies and reports schema migrations.
// SPDX-License-Identifier: MIT
#include "jobs/migrate.h"

#include <sysexits.h>

#include <optional>
#include <vector>

#include "base/json.h"
#include "base/version.h"
#include "jobs/files.h"
#include "jobs/job_run.h"
#include "jobs/migrate_parts.h"

namespace gc::jobs {
namespace {

constexpr int kBusyTimeoutMs = 5000;

struct Outcome {
  MigrateTarget target;
  store::UpResult result;
};

void WriteText(const std::vector<Outcome>& outcomes, store::DryRun dry_run, Console* console) {
  for (const auto& [target, result] : outcomes) {
    if (result.applied.empty()) {
      console->Say(target.path + ": schema version " + std::to_string(result.from_version) + ", up to date");
    }
    for (const auto& [migration, duration_ms] : result.applied) {
      const std::string what = std::to_string(migration->version) + " " + std::string(migration->name);
      if (dry_run == store::DryRun::kYes) {
        console->Say(target.path + ": missing " + what);
      } else {
        console->Say(target.path + ": applied " + what + " (" + std::to_string(duration_ms) + " ms)");
      }
    }
  }
}

void WriteJson(const std::vector<Outcome>& outcomes, const MigrateOptions& options, Console* console) {
  std::string text;
  json::Writer w(&text);
  const bool dry = options.dry_run == store::DryRun::kYes;
  w.BeginObject().Key("command").String(options.command).Key("dry_run").Bool(dry).Key("databases").BeginArray();
  for (const auto& [target, result] : outcomes) {
    const bool changed = options.command == "up" && !result.applied.empty() && !dry;
    w.BeginObject().Key("database").String(target.name).Key("path").String(json::CleanUtf8(target.path));
    w.Key("version").Int(changed ? result.applied.back().migration->version : result.from_version);
    if (changed) w.Key("from_version").Int(result.from_version);
    w.Key("known_version").Int(static_cast<int64_t>(store::Migrations(target.which).size()));
    w.Key(changed ? "applied" : "missing").BeginArray();
    for (const auto& [migration, duration_ms] : result.applied) {
      w.BeginObject().Key("version").Int(migration->version).Key("name").String(migration->name);
      if (changed) w.Key("duration_ms").Int(duration_ms);
      if (dry) w.Key("sql").String(migration->sql);
      w.EndObject();
    }
    w.EndArray().EndObject();
  }
  w.EndArray().EndObject();
  console->Print(text);
}

// A dry run of `up` shows the SQL itself, ready to be read or piped.
void WriteSql(const std::vector<Outcome>& outcomes, Console* console) {
  for (const auto& [target, result] : outcomes) {
    for (const auto& applied : result.applied) {
      console->Print("-- " + target.path + "\n" + std::string(applied.migration->sql));
    }
  }
}

void WriteOutcomes(const std::vector<Outcome>& outcomes, const MigrateOptions& options, Console* console) {
  if (console->json()) return WriteJson(outcomes, options, console);
  if (options.command == "status") return WriteText(outcomes, store::DryRun::kYes, console);
  if (options.dry_run == store::DryRun::kYes) return WriteSql(outcomes, console);
  WriteText(outcomes, store::DryRun::kNo, console);
}

// Nothing has to be there before: what is not found is a place to make it in.
int Refuse(const Error& error, Console* console) {
  return console->Fail(error.kind == ErrorKind::kNotFound ? EX_CANTCREAT : ExitCodeOf(error.kind), error.message);
}

// The outcome of each target, or of those before the first that failed.
Result<std::vector<Outcome>> UpAll(const std::vector<MigrateTarget>& targets, store::DryRun dry_run) {
  std::vector<Outcome> outcomes;
  for (const MigrateTarget& target : targets) {
    auto result = store::Up(target.path, target.which, dry_run, kVersion, kBusyTimeoutMs);
    if (!result) return result.error();
    outcomes.push_back({target, std::move(*result)});
  }
  return outcomes;
}

int64_t AppliedCount(const std::vector<Outcome>& outcomes) {
  size_t count = 0;
  for (const Outcome& outcome : outcomes) count += outcome.result.applied.size();
  return static_cast<int64_t>(count);
}

// Makes the backup where one is due, and applies. `planned` is what a dry run says.
Result<std::vector<Outcome>> ApplyMissing(const std::vector<MigrateTarget>& targets, const store::UpResult& planned,
                                          const MigrateOptions& options, Console* console) {
  const bool changes_main = !options.database_path.empty() && planned.from_version > 0 && !planned.applied.empty();
  if (changes_main && !options.no_backup && !options.backup_first) console->Warn("no backup can be made before");
  if (Status s = changes_main ? BackupFirst(options) : Status{}; !s.ok()) return s.error();
  return UpAll(targets, store::DryRun::kNo);
}

// With the lock held.
int UpLocked(const std::vector<MigrateTarget>& targets, const MigrateOptions& options, Console* console) {
  const auto planned = UpAll(targets, store::DryRun::kYes);
  if (!planned) return Refuse(planned.error(), console);
  std::optional<JobRecord> record;  // the state database has no job_runs
  if (!options.database_path.empty()) record.emplace(console, options.database_path, "migrate");
  const auto done = ApplyMissing(targets, planned->front().result, options, console);
  const int code = done ? EX_OK : Refuse(done.error(), console);
  if (done) WriteOutcomes(*done, options, console);
  if (!record) return code;
  record->row().message = done ? "up" : "up: " + done.error().message;
  if (done) record->row().rows = AppliedCount(*done);
  return record->End(code);
}

int RunUp(const std::vector<MigrateTarget>& targets, const MigrateOptions& options, Console* console) {
  for (const MigrateTarget& target : targets) {
    if (Status s = MakeParents(target.path); !s.ok()) return Refuse(s.error(), console);
  }
  return WithLock(options, console, [&] { return UpLocked(targets, options, console); });
}

// `status`, and `up` as a dry run.
int RunStatus(const std::vector<MigrateTarget>& targets, const MigrateOptions& options, Console* console) {
  const auto outcomes = UpAll(targets, store::DryRun::kYes);
  if (!outcomes) return Refuse(outcomes.error(), console);
  WriteOutcomes(*outcomes, options, console);
  return options.command == "status" && AppliedCount(*outcomes) > 0 ? kExitFindings : EX_OK;
}

}  // namespace

int WithLock(const MigrateOptions& options, Console* console, const std::function<int()>& work) {
  const std::string& path = options.database_path.empty() ? options.state_path : options.database_path;
  const auto lock = JobLock::Take(path, "migrate", options.lock_wait_s);
  return lock ? work() : Refuse(lock.error(), console);
}

Status BackupFirst(const MigrateOptions& options) {
  return options.no_backup || !options.backup_first ? Status{} : options.backup_first();
}

int RunMigrate(const MigrateOptions& options, Console* console) {
  std::vector<MigrateTarget> targets;
  if (!options.database_path.empty()) targets.push_back({"main", store::Database::kMain, options.database_path});
  if (!options.state_path.empty()) targets.push_back({"state", store::Database::kState, options.state_path});
  const bool dry = options.dry_run == store::DryRun::kYes;
  if (options.command == "up") return dry ? RunStatus(targets, options, console) : RunUp(targets, options, console);
  if (options.command == "status") return RunStatus(targets, options, console);
  if (options.command == "verify") return RunVerify(targets, console);
  if (options.command == "reset") return RunReset(options, console);
  if (options.command == "generate") return RunGenerate(options, console);
  const std::string what = options.command.empty() ? "no command given" : "unknown command '" + options.command + "'";
  return console->Fail(EX_USAGE, what + "; the commands are up, status, verify, reset and generate");
}

}  // namespace gc::jobs
