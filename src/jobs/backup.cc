// backup.cc: the commands of gemini-code-backup that make, list and delete; backup_check.cc has those that read.
// SPDX-License-Identifier: MIT
#include "jobs/backup.h"

#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "jobs/backup_check.h"
#include "jobs/backup_make.h"
#include "jobs/files.h"
#include "jobs/job.h"
#include "jobs/job_run.h"
#include "store/connection.h"
#include "store/migrations.h"

namespace gc::jobs {
namespace {

constexpr int kBusyTimeoutMs = 5000;

// A directory that cannot be made is not a missing input.
int Refuse(const Error& error, Console* console) {
  return console->Fail(error.kind == ErrorKind::kNotFound ? EX_CANTCREAT : ExitCodeOf(error.kind), error.message);
}

Result<int> SchemaVersion(const std::string& path) {
  auto connection = store::Connection::Open(path, store::OpenMode::kReadOnly, kBusyTimeoutMs);
  if (!connection) return connection.error();
  const auto version = store::CheckOwnSchema(*connection, store::Database::kMain);
  if (!version) return Error{version.error().kind, path + ": " + version.error().message};
  if (*version == 0) return Error{ErrorKind::kCorrupt, path + ": the database is empty"};
  return *version;
}

bool IsSameFile(const std::string& a, const std::string& b) {
  struct stat one {};
  struct stat other {};
  return stat(a.c_str(), &one) == 0 && stat(b.c_str(), &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

Result<MakeRequest> RequestFor(const BackupOptions& options, Clock& clock) {
  MakeRequest request;
  request.database_path = options.database_path;
  request.format = options.format;
  request.depth = options.depth;
  request.created_unix_s = clock.UnixS();
  const auto version = SchemaVersion(options.database_path);
  if (!version) return version.error();
  if (!options.output.empty()) {
    if (IsSameFile(options.output, options.database_path)) {
      return Error{ErrorKind::kExists, options.output + " is the database itself"};
    }
    request.target = options.output;
    request.work_directory = options.output == "-" ? options.directory : DirectoryOf(options.output);
    request.compression = options.output.ends_with(".zst") ? Compression::kZstd : Compression::kNone;
    request.manifest = WithManifest::kNo;
    return request;
  }
  BackupName name{request.created_unix_s, *version, false, options.format};
  while (Exists(options.directory + "/" + name.Text())) ++name.created_unix_s;  // two in one second
  request.created_unix_s = name.created_unix_s;
  request.target = options.directory + "/" + name.Text();
  request.work_directory = options.directory;
  request.compression = options.format == BackupFormat::kDatabase ? Compression::kZstd : Compression::kNone;
  return request;
}

struct PruneResult {
  RetentionPlan plan;
  std::vector<Error> errors;  // of files that could not be deleted
};

Result<PruneResult> ApplyRetention(const BackupOptions& options, Clock& clock) {
  const auto backups = ListBackups(options.directory);
  if (!backups) return backups.error();
  PruneResult result;
  result.plan = PlanRetention(*backups, options.retention, clock.UnixS());
  if (options.dry_run) return result;
  for (const Backup& backup : result.plan.remove) {
    const std::string path = options.directory + "/" + backup.name.Text();
    // The manifest first: what a kill leaves is a backup still, and the next run deletes it.
    for (const std::string& file : {ManifestPath(path), path}) {
      if (unlink(file.c_str()) == 0 || errno == ENOENT) continue;
      result.errors.push_back(SystemError("cannot delete " + file, errno));
      break;
    }
  }
  return result;
}

void WriteNames(json::Writer* w, std::string_view key, const std::vector<Backup>& backups) {
  w->Key(key).BeginArray();
  for (const Backup& backup : backups) w->String(backup.name.Text());
  w->EndArray();
}

// Says what retention did. Returns whether there is something to look at.
bool ReportRetention(const PruneResult& result, bool dry_run, Console* console) {
  for (const Backup& backup : result.plan.remove) {
    console->Say((dry_run ? "would delete " : "deleted ") + backup.name.Text());
  }
  for (const Backup& backup : result.plan.future) {
    console->Warn(backup.name.Text() + " is from the future; it is kept, and no period counts it");
  }
  for (const Error& error : result.errors) console->Warn(error.message);
  return !result.plan.future.empty() || !result.errors.empty();
}

void WriteCreated(const BackupOptions& options, const MakeRequest& request, const Manifest* manifest,
                  const PruneResult& retention, Console* console) {
  if (options.output == "-") return;
  if (!console->json()) {
    if (manifest == nullptr) return console->Say("would write " + request.target);
    int64_t rows = 0;
    for (const store::TableRows& table : manifest->facts.rows) rows += table.rows;
    return console->Say(request.target + ": " + BytesText(manifest->bytes) + ", " + std::to_string(rows) +
                        " rows, database " + BytesText(manifest->facts.bytes));
  }
  std::string text;
  json::Writer w(&text);
  w.BeginObject().Key("command").String("create").Key("dry_run").Bool(options.dry_run);
  w.Key("path").String(json::CleanUtf8(request.target));
  if (manifest != nullptr) w.Key("manifest").Raw(manifest->ToJson());
  WriteNames(&w, "deleted", retention.plan.remove);
  WriteNames(&w, "future", retention.plan.future);
  w.EndObject();
  console->Print(text);
}

// What does not change anything: the name, the space, what retention would do beside the new backup.
int DryCreate(const BackupOptions& options, const MakeRequest& request, Clock& clock, Console* console) {
  if (Exists(request.work_directory)) {
    if (Status s = CheckSpace(request); !s.ok()) return console->Fail(s.error());
  }
  PruneResult retention;
  if (options.output.empty()) {
    auto backups = ListBackups(options.directory);
    if (!backups) return console->Fail(backups.error());
    if (const auto name = BackupName::Parse(BaseName(request.target))) backups->push_back({*name, 0, true});
    retention.plan = PlanRetention(*backups, options.retention, clock.UnixS());
  }
  WriteCreated(options, request, nullptr, retention, console);
  return ReportRetention(retention, true, console) ? kExitFindings : EX_OK;
}

int CreateLocked(const BackupOptions& options, const MakeRequest& request, Clock& clock, Console* console,
                 JobRecord* record) {
  const auto fail = [&](const Error& error) {
    record->row().message = error.message;
    return Refuse(error, console);  // the database was found
  };
  if (Status s = CheckSpace(request); !s.ok()) return fail(s.error());
  const auto manifest = MakeBackup(request, console);
  if (!manifest) return fail(manifest.error());
  record->row().bytes = manifest->bytes;
  record->row().message = request.target;
  if (!options.output.empty()) {
    WriteCreated(options, request, &*manifest, {}, console);
    return EX_OK;
  }
  const auto retention = ApplyRetention(options, clock);
  if (!retention) return fail(retention.error());
  WriteCreated(options, request, &*manifest, *retention, console);
  return ReportRetention(*retention, false, console) ? kExitFindings : EX_OK;
}

int Create(const BackupOptions& options, Clock& clock, Console* console) {
  if (options.dry_run) {
    const auto request = RequestFor(options, clock);
    if (!request) return console->Fail(request.error());
    return DryCreate(options, *request, clock, console);
  }
  const auto lock = JobLock::Take(options.database_path, "backup", options.lock_wait_s);
  if (!lock) return console->Fail(lock.error());
  const auto request = RequestFor(options, clock);
  if (!request) return console->Fail(request.error());
  JobRecord record(console, options.database_path, "backup");
  const bool in_directory = request->work_directory == options.directory;
  Status ready = in_directory ? MakeDirectories(options.directory) : Status{};
  if (ready.ok() && in_directory) ready = RemoveLeftovers(options.directory, console);
  if (!ready.ok()) {
    record.row().message = ready.error().message;
    return record.End(Refuse(ready.error(), console));
  }
  return record.End(CreateLocked(options, *request, clock, console, &record));
}

int Prune(const BackupOptions& options, Clock& clock, Console* console) {
  std::optional<JobLock> lock;
  std::optional<JobRecord> record;
  if (!options.dry_run) {
    auto taken = JobLock::Take(options.database_path, "backup", options.lock_wait_s);
    if (!taken) return console->Fail(taken.error());
    lock.emplace(std::move(*taken));
    record.emplace(console, options.database_path, "backup-prune");
  }
  const auto end = [&](int code) { return record ? record->End(code) : code; };
  const auto result = ApplyRetention(options, clock);
  if (!result) return end(console->Fail(result.error()));
  if (console->json()) {
    std::string text;
    json::Writer w(&text);
    w.BeginObject().Key("command").String("prune").Key("dry_run").Bool(options.dry_run);
    WriteNames(&w, "deleted", result->plan.remove);
    WriteNames(&w, "kept", result->plan.keep);
    WriteNames(&w, "future", result->plan.future);
    w.EndObject();
    console->Print(text);
  }
  const bool findings = ReportRetention(*result, options.dry_run, console);
  console->Say(std::to_string(result->plan.keep.size()) + " kept");
  return end(findings ? kExitFindings : EX_OK);
}

int List(const BackupOptions& options, Console* console) {
  const auto backups = ListBackups(options.directory);
  if (!backups) return console->Fail(backups.error());
  if (console->json()) {
    std::string text;
    json::Writer w(&text);
    w.BeginObject().Key("command").String("list").Key("directory").String(json::CleanUtf8(options.directory));
    w.Key("backups").BeginArray();
    for (const Backup& backup : *backups) {
      w.BeginObject().Key("name").String(backup.name.Text()).Key("bytes").Int(backup.bytes);
      w.Key("created_at").String(TimeText(backup.name.created_unix_s));
      w.Key("schema_version").Int(backup.name.schema_version);
      w.Key("safety_copy").Bool(backup.name.safety_copy).Key("has_manifest").Bool(backup.has_manifest);
      w.EndObject();
    }
    w.EndArray().EndObject();
    console->Print(text);
    return EX_OK;
  }
  std::string text;
  for (const Backup& backup : *backups) {
    text += TimeText(backup.name.created_unix_s) + "  " + backup.name.Text() + "  " + BytesText(backup.bytes) +
            (backup.has_manifest ? "\n" : "  no manifest\n");
  }
  console->Print(text);
  if (backups->empty()) console->Note("there is no backup in " + options.directory);
  return EX_OK;
}

}  // namespace

int RunBackup(const BackupOptions& options, Clock& clock, Console* console) {
  if (options.command == "create") return Create(options, clock, console);
  if (options.command == "list") return List(options, console);
  if (options.command == "check") return CheckBackups(options, clock, console);
  if (options.command == "drill") return Drill(options, clock, console);
  if (options.command == "prune") return Prune(options, clock, console);
  const std::string what = options.command.empty() ? "no command given" : "unknown command '" + options.command + "'";
  return console->Fail(EX_USAGE, what + "; the commands are create, list, check, drill and prune");
}

}  // namespace gc::jobs
