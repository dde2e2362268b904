// manifest.cc: writes and reads manifests.
// SPDX-License-Identifier: MIT
#include "jobs/manifest.h"

#include "base/json.h"
#include "jobs/archive.h"
#include "jobs/files.h"
#include "jobs/job.h"

namespace gc::jobs {
namespace {

constexpr int64_t kFormat = 1;
constexpr size_t kMaxBytes = size_t{1} << 20;

}  // namespace

std::string Manifest::ToJson() const {
  std::string text;
  json::Writer w(&text);
  w.BeginObject().Key("format").Int(kFormat).Key("file").String(json::CleanUtf8(file));
  w.Key("created_at").String(TimeText(created_unix_s)).Key("created_unix_s").Int(created_unix_s);
  w.Key("host").String(json::CleanUtf8(host)).Key("tool_version").String(tool_version);
  w.Key("sqlite_version").String(sqlite_version).Key("schema_version").Int(facts.schema_version);
  w.Key("bytes").Int(bytes).Key("sha256").String(sha256).Key("database_bytes").Int(facts.bytes);
  w.Key("max_seq").Int(facts.max_seq);
  w.Key("check").String(check == store::CheckDepth::kFull ? "integrity_check" : "quick_check");
  w.Key("rows").BeginObject();
  for (const auto& [table, rows] : facts.rows) w.Key(json::CleanUtf8(table)).Int(rows);
  w.EndObject().EndObject();
  return text;
}

std::string ManifestPath(const std::string& backup) { return backup + ".json"; }

Result<Manifest> ReadManifest(const std::string& backup) {
  const std::string path = ManifestPath(backup);
  auto file = ArchiveReader::Open(path);
  if (!file) return file.error();
  const auto text = file->Peek(kMaxBytes);
  if (!text) return text.error();
  const auto document = json::Document::Parse(std::string(*text));
  const Error damaged{ErrorKind::kCorrupt, path + ": not a manifest of this program"};
  if (!document || !document->root().IsObject()) return damaged;
  const json::Value& root = document->root();
  const json::Value* rows = root.Find("rows");
  if (root.IntOr("format", 0) != kFormat || rows == nullptr || !rows->IsObject()) return damaged;
  Manifest manifest;
  manifest.file = root.StringOr("file", "");
  if (manifest.file != BaseName(backup)) return Error{ErrorKind::kCorrupt, path + ": it is for " + manifest.file};
  manifest.created_unix_s = root.IntOr("created_unix_s", 0);
  manifest.host = root.StringOr("host", "");
  manifest.tool_version = root.StringOr("tool_version", "");
  manifest.sqlite_version = root.StringOr("sqlite_version", "");
  manifest.bytes = root.IntOr("bytes", -1);
  manifest.sha256 = root.StringOr("sha256", "");
  const bool full = root.StringOr("check", "") == "integrity_check";
  manifest.check = full ? store::CheckDepth::kFull : store::CheckDepth::kQuick;
  manifest.facts.schema_version = static_cast<int>(root.IntOr("schema_version", 0));
  manifest.facts.bytes = root.IntOr("database_bytes", 0);
  manifest.facts.max_seq = root.IntOr("max_seq", 0);
  for (const json::Member& member : rows->Members()) {
    manifest.facts.rows.push_back({std::string(member.name.Text()), member.value.Int().value_or(-1)});
  }
  return manifest;
}

}  // namespace gc::jobs
