// migrate.cc: applies and reports schema migrations.
// SPDX-License-Identifier: MIT
#include "jobs/migrate.h"

#include <sysexits.h>

#include <vector>

#include "base/json.h"
#include "base/version.h"
#include "jobs/files.h"

namespace gc::jobs {
namespace {

constexpr int kBusyTimeoutMs = 5000;

struct Target {
  const char* name;  // in the output
  store::Database which;
  std::string path;
};

struct Outcome {
  Target target;
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

}  // namespace

int RunMigrate(const MigrateOptions& options, Console* console) {
  const bool status = options.command == "status";
  if (!status && options.command != "up") {
    const std::string what = options.command.empty() ? "no command given" : "unknown command '" + options.command + "'";
    return console->Fail(EX_USAGE, what + "; the commands are up and status");
  }
  const store::DryRun dry_run = status ? store::DryRun::kYes : options.dry_run;
  std::vector<Outcome> outcomes;
  bool missing = false;
  for (const Target& target : {Target{"main", store::Database::kMain, options.database_path},
                               Target{"state", store::Database::kState, options.state_path}}) {
    if (target.path.empty()) continue;
    if (dry_run == store::DryRun::kNo) {
      if (Status s = MakeParents(target.path); !s.ok()) return Refuse(s.error(), console);
    }
    auto result = store::Up(target.path, target.which, dry_run, kVersion, kBusyTimeoutMs);
    if (!result) return Refuse(result.error(), console);
    missing = missing || !result->applied.empty();
    outcomes.push_back({target, std::move(*result)});
  }
  WriteOutcomes(outcomes, options, console);
  return status && missing ? kExitFindings : EX_OK;
}

}  // namespace gc::jobs
