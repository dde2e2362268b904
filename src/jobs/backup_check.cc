// backup_check.cc: reads backups, and tries whether they can be restored.
// SPDX-License-Identifier: MIT
#include "jobs/backup_check.h"

#include <sysexits.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/json.h"
#include "jobs/backup_make.h"
#include "jobs/files.h"
#include "jobs/job.h"
#include "jobs/job_run.h"
#include "jobs/unpack.h"

namespace gc::jobs {
namespace {

constexpr char kNoManifest[] = " has no manifest: nothing tells whether it is all that it was";

struct Outcome {
  std::string path;
  std::optional<Error> error;
  bool has_manifest = false;
  store::DatabaseFacts facts;  // kFull only
};

Result<std::vector<std::string>> Chosen(const BackupOptions& options) {
  if (!options.file.empty()) {
    const std::string inside = options.directory + "/" + options.file;
    return std::vector<std::string>{Exists(inside) ? inside : options.file};
  }
  const auto backups = ListBackups(options.directory);
  if (!backups) return backups.error();
  std::vector<std::string> paths;
  if (options.all) {
    for (const Backup& backup : *backups) paths.push_back(options.directory + "/" + backup.name.Text());
  } else if (const Backup* newest = Newest(*backups)) {
    paths.push_back(options.directory + "/" + newest->name.Text());
  }
  if (paths.empty()) return Error{ErrorKind::kNotFound, "there is no backup in " + options.directory};
  return paths;
}

// A database of it in the backup directory, removed at once.
Outcome TryOut(const std::string& path, const BackupOptions& options, Clock& clock, Console* console) {
  Outcome outcome{path, {}, false, {}};
  // A name that the next run recognises as left by a killed one, whatever the backup is called.
  const BackupName name{clock.UnixS(), 0, false, BackupFormat::kDatabase};
  const std::string database = WorkFile(options.directory, name.Text(), "unpacked");
  RemoveDatabase(database);
  auto unpacked = Unpack(path, database, store::CheckDepth::kFull, console);
  RemoveDatabase(database);
  if (!unpacked) {
    outcome.error = unpacked.error();
    return outcome;
  }
  outcome.has_manifest = unpacked->manifest.has_value();
  outcome.facts = std::move(unpacked->facts);
  return outcome;
}

Outcome Read(const std::string& path, Console* console) {
  const auto manifest = ReadThrough(path, console);
  if (!manifest) return {path, manifest.error(), false, {}};
  return {path, {}, manifest->has_value(), {}};
}

int64_t AllRows(const store::DatabaseFacts& facts) {
  int64_t rows = 0;
  for (const store::TableRows& table : facts.rows) rows += table.rows;
  return rows;
}

void WriteJson(const BackupOptions& options, const std::vector<Outcome>& outcomes, Console* console) {
  std::string text;
  json::Writer w(&text);
  const bool full = options.command == "drill" || options.depth == store::CheckDepth::kFull;
  w.BeginObject().Key("command").String(options.command).Key("full").Bool(full).Key("backups").BeginArray();
  for (const Outcome& outcome : outcomes) {
    w.BeginObject().Key("path").String(json::CleanUtf8(outcome.path)).Key("ok").Bool(!outcome.error);
    w.Key("has_manifest").Bool(outcome.has_manifest);
    if (outcome.error) w.Key("error").String(json::CleanUtf8(outcome.error->message));
    if (full && !outcome.error) w.Key("rows").Int(AllRows(outcome.facts));
    w.EndObject();
  }
  w.EndArray().EndObject();
  console->Print(text);
}

// The exit code: that of the first error.
int Report(const BackupOptions& options, const std::vector<Outcome>& outcomes, Console* console) {
  if (console->json()) WriteJson(options, outcomes, console);
  int code = EX_OK;
  size_t bad = 0;
  bool findings = false;
  for (const Outcome& outcome : outcomes) {
    if (outcome.error) {
      if (code == EX_OK) code = ExitCodeOf(outcome.error->kind);
      ++bad;
      if (outcomes.size() > 1) console->Warn(outcome.error->message);
      continue;
    }
    if (!outcome.has_manifest) {
      findings = true;
      console->Warn(outcome.path + kNoManifest);
    }
    const int64_t rows = AllRows(outcome.facts);
    console->Say(outcome.path + ": good" + (rows > 0 ? ", " + std::to_string(rows) + " rows" : ""));
  }
  if (bad == 0) return findings ? kExitFindings : EX_OK;
  if (outcomes.size() == 1) return console->Fail(*outcomes[0].error);
  return console->Fail(code, std::to_string(bad) + " of " + std::to_string(outcomes.size()) + " backups are not good");
}

}  // namespace

int CheckBackups(const BackupOptions& options, Clock& clock, Console* console) {
  const auto paths = Chosen(options);
  if (!paths) return console->Fail(paths.error());
  std::vector<Outcome> outcomes;
  if (options.depth == store::CheckDepth::kQuick) {
    for (const std::string& path : *paths) outcomes.push_back(Read(path, console));
    return Report(options, outcomes, console);
  }
  const auto lock = JobLock::Take(options.database_path, "backup", options.lock_wait_s);
  if (!lock) return console->Fail(lock.error());
  if (Status s = MakeDirectories(options.directory); !s.ok()) return console->Fail(s.error());
  for (const std::string& path : *paths) outcomes.push_back(TryOut(path, options, clock, console));
  return Report(options, outcomes, console);
}

int Drill(const BackupOptions& options, Clock& clock, Console* console) {
  const auto lock = JobLock::Take(options.database_path, "backup", options.lock_wait_s);
  if (!lock) return console->Fail(lock.error());
  JobRecord record(console, options.database_path, "backup-drill");
  const auto fail = [&](const Error& error) {
    record.row().message = error.message;
    return record.End(console->Fail(error));
  };
  const auto paths = Chosen(options);
  if (!paths) return fail(paths.error());
  if (Status s = RemoveLeftovers(options.directory, console); !s.ok()) return fail(s.error());
  const Outcome outcome = TryOut(paths->front(), options, clock, console);
  record.row().message = outcome.error ? outcome.error->message : outcome.path;
  record.row().rows = AllRows(outcome.facts);
  record.row().bytes = outcome.facts.bytes;
  return record.End(Report(options, {outcome}, console));
}

}  // namespace gc::jobs
