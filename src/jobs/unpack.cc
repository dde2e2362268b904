// unpack.cc: reads backups.
// SPDX-License-Identifier: MIT
#include "jobs/unpack.h"

#include <sys/stat.h>

#include <algorithm>

#include "jobs/files.h"
#include "store/sql_dump.h"

namespace gc::jobs {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;
constexpr std::string_view kDatabaseMagic{"SQLite format 3\0", 16};

enum class Content { kDatabase, kSql };

Result<Content> Sniff(const std::string& path, ArchiveReader& file) {
  const auto start = file.Peek(store::kSqlDumpHeading.size());
  if (!start) return start.error();
  if (start->starts_with(kDatabaseMagic)) return Content::kDatabase;
  if (start->starts_with(store::kSqlDumpHeading)) return Content::kSql;
  if (start->empty()) return Error{ErrorKind::kCorrupt, path + " is empty"};
  return Error{ErrorKind::kInvalid, path + " is neither a database nor SQL text of gemini-code-backup"};
}

// A database in use has commits that its file has not.
Status RefuseWal(const std::string& path) {
  struct stat wal {};
  if (stat((path + "-wal").c_str(), &wal) != 0 || wal.st_size == 0) return {};
  return Error{ErrorKind::kInvalid, path +
                                        " has a -wal beside it: it is a database in use, not a backup; copy it with "
                                        "gemini-code-backup create -o"};
}

Result<std::optional<Manifest>> ManifestOf(const std::string& backup) {
  auto manifest = ReadManifest(backup);
  if (manifest) return std::optional<Manifest>(std::move(*manifest));
  if (manifest.error().kind == ErrorKind::kNotFound) return std::optional<Manifest>();
  return manifest.error();
}

// REQUIRES: the file was read to its end.
Status CompareHash(const std::string& path, const Manifest& manifest, ArchiveReader& file) {
  if (file.bytes_read() != manifest.bytes) {
    return Error{ErrorKind::kCorrupt, path + " has " + std::to_string(file.bytes_read()) +
                                          " bytes, its manifest says " + std::to_string(manifest.bytes)};
  }
  if (file.Sha256Hex() == manifest.sha256) return {};
  return Error{ErrorKind::kCorrupt, path + " is damaged: its SHA-256 is not the one in its manifest"};
}

Status CompareFacts(const std::string& path, const Manifest& manifest, const store::DatabaseFacts& facts) {
  if (facts.schema_version == manifest.facts.schema_version && facts.max_seq == manifest.facts.max_seq &&
      facts.rows == manifest.facts.rows) {
    return {};
  }
  for (const store::TableRows& table : manifest.facts.rows) {
    const auto same = std::find_if(facts.rows.begin(), facts.rows.end(),
                                   [&](const store::TableRows& t) { return t.table == table.table; });
    const int64_t rows = same == facts.rows.end() ? 0 : same->rows;
    if (rows == table.rows) continue;
    return Error{ErrorKind::kCorrupt, path + ": table " + table.table + " has " + std::to_string(rows) +
                                          " rows, its manifest says " + std::to_string(table.rows)};
  }
  return Error{ErrorKind::kCorrupt, path + " is not what its manifest says"};
}

// All that is left of the content, to `use`.
template <class Use>
Status ReadAll(ArchiveReader& file, Console* console, const char* what, Use use) {
  Progress progress(console, what, file.file_bytes(), "bytes");
  std::string buffer(kReadBytes, '\0');
  for (;;) {
    const auto bytes = file.Read(buffer.data(), buffer.size());
    if (!bytes) return bytes.error();
    if (*bytes == 0) return {};
    if (Status s = use(std::string_view(buffer.data(), *bytes)); !s.ok()) return s;
    progress.Set(file.bytes_read());
  }
}

Status WriteDatabase(ArchiveReader& file, const std::string& target, Console* console) {
  auto out = ArchiveWriter::Create(target, Compression::kNone);
  if (!out) return out.error();
  Status read = ReadAll(file, console, "unpacking", [&](std::string_view bytes) { return out->Write(bytes); });
  if (!read.ok()) return read;
  const auto written = out->Finish();
  if (!written) return written.error();
  return {};
}

Status LoadSql(ArchiveReader& file, const std::string& path, const std::string& target, Console* console) {
  Progress progress(console, "reading SQL", file.file_bytes(), "bytes");
  const Status read = store::ReadSqlDump([&](char* buffer, size_t bytes) { return file.Read(buffer, bytes); }, target,
                                         [&](int64_t /*rows*/) { progress.Set(file.bytes_read()); });
  if (read.ok() || read.error().message.starts_with(path)) return read;
  return Error{read.error().kind, path + ": " + read.error().message};
}

Result<Unpacked> UnpackOpen(const std::string& backup, ArchiveReader& file, const std::string& target,
                            store::CheckDepth depth, Console* console) {
  const auto content = Sniff(backup, file);
  if (!content) return content.error();
  auto manifest = ManifestOf(backup);
  if (!manifest) return manifest.error();
  Status made =
      *content == Content::kSql ? LoadSql(file, backup, target, console) : WriteDatabase(file, target, console);
  if (!made.ok()) return made.error();
  if (*manifest) {
    if (Status s = CompareHash(backup, **manifest, file); !s.ok()) return s.error();
  }
  console->Note("checking the database");
  auto facts = store::CheckDatabase(target, depth);
  if (!facts) {
    // The backup is what the reader knows, not the work file.
    std::string message = facts.error().message;
    if (message.starts_with(target)) message.replace(0, target.size(), backup);
    return Error{facts.error().kind, message};
  }
  if (*manifest) {
    if (Status s = CompareFacts(backup, **manifest, *facts); !s.ok()) return s.error();
  }
  return Unpacked{std::move(*facts), std::move(*manifest)};
}

}  // namespace

Result<Unpacked> Unpack(const std::string& backup, const std::string& target, store::CheckDepth depth,
                        Console* console) {
  if (Status s = RefuseWal(backup); !s.ok()) return s.error();
  auto file = ArchiveReader::Open(backup);
  if (!file) return file.error();
  auto unpacked = UnpackOpen(backup, *file, target, depth, console);
  if (!unpacked) RemoveDatabase(target);
  return unpacked;
}

Result<std::optional<Manifest>> ReadThrough(const std::string& backup, Console* console) {
  auto file = ArchiveReader::Open(backup);
  if (!file) return file.error();
  const auto content = Sniff(backup, *file);
  if (!content) return content.error();
  auto manifest = ManifestOf(backup);
  if (!manifest) return manifest.error();
  Status read = ReadAll(*file, console, "reading", [](std::string_view) { return Status{}; });
  if (!read.ok()) return read.error();
  if (*manifest) {
    if (Status s = CompareHash(backup, **manifest, *file); !s.ok()) return s.error();
  }
  return manifest;
}

}  // namespace gc::jobs
