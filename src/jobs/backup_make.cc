// backup_make.cc: makes one backup and cleans up after those that were killed.
// SPDX-License-Identifier: MIT
#include "jobs/backup_make.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <vector>

#include "base/version.h"
#include "jobs/files.h"
#include "jobs/job.h"
#include "jobs/job_run.h"
#include "store/checkpoint.h"
#include "store/migrations.h"
#include "store/sql_dump.h"

namespace gc::jobs {
namespace {

constexpr std::string_view kPartial = ".partial";
constexpr int kBusyTimeoutMs = 5000;
constexpr size_t kReadBytes = size_t{1} << 20;

bool IsPlainDatabase(const MakeRequest& request) {
  return request.format == BackupFormat::kDatabase && request.compression == Compression::kNone;
}

Status PackDatabase(const std::string& copy, ArchiveWriter* out, Console* console) {
  auto in = ArchiveReader::OpenRaw(copy);
  if (!in) return in.error();
  Progress progress(console, "packing", in->file_bytes(), "bytes");
  std::string buffer(kReadBytes, '\0');
  for (;;) {
    const auto bytes = in->Read(buffer.data(), buffer.size());
    if (!bytes) return bytes.error();
    if (*bytes == 0) return {};
    if (Status s = out->Write({buffer.data(), *bytes}); !s.ok()) return s;
    progress.Set(in->bytes_read());
  }
}

Status PackSql(const std::string& copy, ArchiveWriter* out, Console* console) {
  Progress progress(console, "writing SQL", 0, "rows");
  return store::WriteSqlDump(
      copy, [&](std::string_view text) { return out->Write(text); }, [&](int64_t rows) { progress.Set(rows); });
}

struct Packed {
  store::DatabaseFacts facts;
  ArchiveSummary summary;
};

// Checks the copy, writes the backup of it under another name, and removes the copy.
Result<Packed> Pack(const MakeRequest& request, const std::string& copy, const std::string& path, Console* console) {
  auto out = ArchiveWriter::Create(path, request.compression);
  if (!out) return out.error();
  // Both only read the copy.
  auto check = std::async(std::launch::async, store::CheckDatabase, copy, request.depth);
  const bool sql = request.format == BackupFormat::kSql;
  const Status packed = sql ? PackSql(copy, &*out, console) : PackDatabase(copy, &*out, console);
  auto facts = check.get();
  if (!facts) return facts.error();
  if (!packed.ok()) return packed.error();
  // Before the backup is synced, or the file system might write the copy with it.
  RemoveDatabase(copy);
  const auto summary = out->Finish();
  if (!summary) return summary.error();
  return Packed{std::move(*facts), *summary};
}

// The names, data before manifest: what has a manifest is whole.
Status Place(const MakeRequest& request, const std::string& packed, const std::string& manifest) {
  if (Status s = Rename(packed, request.target); !s.ok()) return s;
  if (!manifest.empty()) {
    if (Status s = Rename(manifest, ManifestPath(request.target)); !s.ok()) return s;
  }
  return SyncDirectory(DirectoryOf(request.target));
}

// A copy to work on, removed with its owner.
struct WorkCopy {
  explicit WorkCopy(std::string name) : path(std::move(name)) {}
  ~WorkCopy() { RemoveDatabase(path); }
  WorkCopy(const WorkCopy&) = delete;
  WorkCopy& operator=(const WorkCopy&) = delete;
  const std::string path;
};

Status CheckTarget(const std::string& target) {
  struct stat file {};
  if (target == "-" || lstat(target.c_str(), &file) != 0 || S_ISREG(file.st_mode)) return {};
  return Error{ErrorKind::kExists, target + " is there and not a file"};
}

// The name that a work file is for; empty: not one of ours.
std::string OwnerOf(std::string_view file, std::string_view* kind) {
  if (!file.starts_with('.')) return "";
  const size_t end = file.rfind(kPartial);
  if (end == std::string_view::npos) return "";
  const std::string_view tail = file.substr(end + kPartial.size());
  if (!tail.empty() && tail != "-journal" && tail != "-wal" && tail != "-shm") return "";
  std::string_view name = file.substr(1, end - 1);
  *kind = "";
  for (const std::string_view each : {".copy", ".json", ".unpacked"}) {
    if (!name.ends_with(each)) continue;
    name.remove_suffix(each.size());
    *kind = each.substr(1);
  }
  return BackupName::Parse(name) ? std::string(name) : "";
}

}  // namespace

std::string WorkFile(const std::string& directory, const std::string& name, const std::string& kind) {
  return directory + "/." + name + (kind.empty() ? "" : "." + kind) + std::string(kPartial);
}

Status CheckSpace(const MakeRequest& request) {
  const auto database = store::DatabaseBytes(request.database_path);
  if (!database) return database.error();
  const auto free = FreeBytes(request.work_directory);
  if (!free) return free.error();
  // The copy; and the result: SQL is about as large as the database, zstd leaves a quarter of a log, rarely a half.
  int64_t needed = *database;
  if (request.target != "-" && !IsPlainDatabase(request)) {
    needed += request.compression == Compression::kZstd ? *database / 2 : *database;
  }
  if (*free >= needed) return {};
  return Error{ErrorKind::kFull, request.work_directory + ": " + BytesText(*free) + " are free, " + BytesText(needed) +
                                     " are needed (the database has " + BytesText(*database) + ")"};
}

Result<Manifest> MakeBackup(const MakeRequest& request, Console* console) {
  const store::CheckpointPause pause(request.database_path);
  if (Status s = CheckTarget(request.target); !s.ok()) return s.error();
  const std::string name = request.target == "-" ? "stdout" : BaseName(request.target);
  const WorkCopy copy(WorkFile(request.work_directory, name, "copy"));
  const std::string packed = request.target == "-" ? "-" : WorkFile(request.work_directory, name, "");
  const std::string described = WorkFile(request.work_directory, name, "json");
  RemoveDatabase(copy.path);
  if (packed != "-") unlink(packed.c_str());
  unlink(described.c_str());

  std::optional<Progress> progress;
  const Status copied = store::CopyDatabase(request.database_path, copy.path, [&](int64_t done, int64_t total) {
    if (!progress) progress.emplace(console, "copying", total, "pages");
    progress->Set(done);
  });
  progress.reset();
  if (!copied.ok()) return copied.error();
  auto made = Pack(request, copy.path, packed, console);
  if (!made) return made.error();

  Manifest manifest;
  manifest.file = name;
  manifest.created_unix_s = request.created_unix_s;
  manifest.host = HostName();
  manifest.tool_version = kVersion;
  manifest.sqlite_version = sqlite3_libversion();
  manifest.bytes = made->summary.bytes;
  manifest.sha256 = made->summary.sha256;
  manifest.check = request.depth;
  manifest.facts = std::move(made->facts);
  if (packed == "-") return manifest;
  const bool with_manifest = request.manifest == WithManifest::kYes;
  Status placed = with_manifest ? WriteNewFile(described, manifest.ToJson() + "\n") : Status{};
  if (placed.ok()) placed = Place(request, packed, with_manifest ? described : "");
  if (placed.ok()) return manifest;
  unlink(packed.c_str());
  unlink(described.c_str());
  return placed.error();
}

Status RemoveLeftovers(const std::string& directory, Console* console) {
  DIR* open = opendir(directory.c_str());
  if (open == nullptr) return SystemError("cannot read " + directory, errno);
  std::vector<std::string> files;
  while (const dirent* entry = readdir(open)) files.emplace_back(entry->d_name);
  closedir(open);
  for (const std::string& file : files) {
    std::string_view kind;
    const std::string owner = OwnerOf(file, &kind);
    if (owner.empty()) continue;
    const std::string path = directory + "/" + file;
    const std::string backup = directory + "/" + owner;
    if (kind == "json" && Exists(backup) && !Exists(ManifestPath(backup))) {
      if (Status s = Rename(path, ManifestPath(backup)); !s.ok()) return s;
      console->Note("gave the manifest of " + owner + " its name, which a killed run had not");
    } else if (unlink(path.c_str()) == 0) {
      console->Note("removed " + file + ", which a killed run left");
    } else if (errno != ENOENT) {
      return SystemError("cannot remove " + path, errno);
    }
  }
  return {};
}

Result<std::string> MakeSafetyCopy(const std::string& database_path, const std::string& directory, int64_t now_unix_s,
                                   Console* console) {
  BackupName name{now_unix_s, 0, true, BackupFormat::kDatabase};
  {
    auto connection = store::Connection::Open(database_path, store::OpenMode::kReadOnly, kBusyTimeoutMs);
    if (!connection) return connection.error();
    const auto version = store::CheckOwnSchema(*connection, store::Database::kMain);
    if (!version) return Error{version.error().kind, database_path + ": " + version.error().message};
    name.schema_version = *version;
  }
  if (Status s = MakeDirectories(directory); !s.ok()) return s.error();
  if (Status s = RemoveLeftovers(directory, console); !s.ok()) return s.error();
  while (Exists(directory + "/" + name.Text())) ++name.created_unix_s;
  MakeRequest request;
  request.database_path = database_path;
  request.target = directory + "/" + name.Text();
  request.work_directory = directory;
  request.created_unix_s = name.created_unix_s;
  if (Status s = CheckSpace(request); !s.ok()) return s.error();
  const auto manifest = MakeBackup(request, console);
  if (!manifest) return manifest.error();
  return request.target;
}

}  // namespace gc::jobs
