// migrate.cc: applies and reports schema migrations.
// SPDX-License-Identifier: MIT
#include "jobs/migrate.h"

#include <sys/stat.h>
#include <sysexits.h>

#include <cerrno>
#include <cstring>
#include <ostream>
#include <vector>

#include "base/json.h"
#include "base/version.h"

namespace gc::jobs {
namespace {

constexpr int kBusyTimeoutMs = 5000;
constexpr int kExitFindings = 1;

struct Target {
  const char* name;  // in the output
  store::Database which;
  std::string path;
};

struct Outcome {
  Target target;
  store::UpResult result;
};

int ExitCodeOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalid:
    case ErrorKind::kCorrupt:
      return EX_DATAERR;
    case ErrorKind::kConfig:
      return EX_CONFIG;
    case ErrorKind::kNotFound:
    case ErrorKind::kExists:
      return EX_CANTCREAT;
    case ErrorKind::kPermission:
    case ErrorKind::kReadOnly:
      return EX_NOPERM;
    case ErrorKind::kBusy:
    case ErrorKind::kTimeout:
      return EX_TEMPFAIL;
    case ErrorKind::kFull:
    case ErrorKind::kIo:
    case ErrorKind::kTooLarge:
      return EX_IOERR;
    case ErrorKind::kUnreachable:
      return EX_UNAVAILABLE;
    case ErrorKind::kCancelled:
    case ErrorKind::kStopping:
    case ErrorKind::kUnsupported:
    case ErrorKind::kInternal:
      return EX_SOFTWARE;
  }
  return EX_SOFTWARE;
}

// Makes the directories above a file that are missing.
Status MakeParents(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string directory = path.substr(0, slash);
    if (mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) continue;
    const int error = errno;
    struct stat found {};
    if (stat(directory.c_str(), &found) == 0) continue;  // on a read-only file system it says EROFS
    const ErrorKind kind = error == EACCES || error == EPERM ? ErrorKind::kPermission : ErrorKind::kNotFound;
    return Error{kind, "cannot create " + directory + ": " + strerror(error)};
  }
  return {};
}

void WriteText(const std::vector<Outcome>& outcomes, store::DryRun dry_run, std::ostream& out) {
  for (const auto& [target, result] : outcomes) {
    if (result.applied.empty()) {
      out << target.path << ": schema version " << result.from_version << ", up to date\n";
      continue;
    }
    for (const auto& [migration, duration_ms] : result.applied) {
      out << target.path << ": " << (dry_run == store::DryRun::kYes ? "missing " : "applied ") << migration->version
          << " " << migration->name;
      if (dry_run == store::DryRun::kNo) out << " (" << duration_ms << " ms)";
      out << "\n";
    }
  }
}

void WriteJson(const std::vector<Outcome>& outcomes, const MigrateOptions& options, std::ostream& out) {
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
  out << text << "\n";
}

// A dry run of `up` shows the SQL itself, ready to be read or piped.
void WriteSql(const std::vector<Outcome>& outcomes, std::ostream& out) {
  for (const auto& [target, result] : outcomes) {
    for (const auto& applied : result.applied) out << "-- " << target.path << "\n" << applied.migration->sql;
  }
}

void WriteOutcomes(const std::vector<Outcome>& outcomes, const MigrateOptions& options, std::ostream& out) {
  if (options.format == OutputFormat::kJson) return WriteJson(outcomes, options, out);
  if (options.command == "status") return WriteText(outcomes, store::DryRun::kYes, out);
  if (options.dry_run == store::DryRun::kYes) return WriteSql(outcomes, out);
  if (options.verbosity == Verbosity::kNormal) WriteText(outcomes, store::DryRun::kNo, out);
}

}  // namespace

int RunMigrate(const MigrateOptions& options, std::ostream& out, std::ostream& err) {
  const bool status = options.command == "status";
  if (!status && options.command != "up") {
    const std::string what = options.command.empty() ? "no command given" : "unknown command '" + options.command + "'";
    return ReportError(options.format, EX_USAGE, what + "; the commands are up and status", err);
  }
  const store::DryRun dry_run = status ? store::DryRun::kYes : options.dry_run;
  std::vector<Outcome> outcomes;
  bool missing = false;
  for (const Target& target : {Target{"main", store::Database::kMain, options.database_path},
                               Target{"state", store::Database::kState, options.state_path}}) {
    if (target.path.empty()) continue;
    if (dry_run == store::DryRun::kNo) {
      if (Status s = MakeParents(target.path); !s.ok()) {
        return ReportError(options.format, ExitCodeOf(s.error().kind), s.error().message, err);
      }
    }
    auto result = store::Up(target.path, target.which, dry_run, kVersion, kBusyTimeoutMs);
    if (!result) return ReportError(options.format, ExitCodeOf(result.error().kind), result.error().message, err);
    missing = missing || !result->applied.empty();
    outcomes.push_back({target, std::move(*result)});
  }
  WriteOutcomes(outcomes, options, out);
  return status && missing ? kExitFindings : EX_OK;
}

int ReportError(OutputFormat format, int exit_code, const std::string& message, std::ostream& err) {
  if (format == OutputFormat::kText) {
    err << "gemini-code-migrate: " << message << "\n";
    return exit_code;
  }
  std::string text;
  json::Writer w(&text);
  w.BeginObject().Key("message_type").String("exit_error").Key("code").Int(exit_code);
  w.Key("message").String(json::CleanUtf8(message)).EndObject();
  err << text << "\n";
  return exit_code;
}

}  // namespace gc::jobs
