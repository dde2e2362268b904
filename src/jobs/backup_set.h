// backup_set.h: the backups of one directory: their names, which one is meant, which ones retention keeps.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gc::jobs {

enum class BackupFormat {
  kDatabase,  // the database file, compressed: .db.zst
  kSql,       // SQL text: .sql
};

// What a file's name says: gemini-code-20261123T015358Z-s0002[-safety].db.zst
struct BackupName {
  int64_t created_unix_s = 0;
  int schema_version = 0;
  bool safety_copy = false;  // the safety copy of a restore: never "the newest", no retention period counts it
  BackupFormat format = BackupFormat::kDatabase;

  std::string Text() const;
  // nullopt: not a backup's name, so not ours to touch.
  static std::optional<BackupName> Parse(std::string_view name);
};

struct Backup {
  BackupName name;
  int64_t bytes = 0;
  bool has_manifest = false;
};

// Oldest first. A missing directory is an empty one.
Result<std::vector<Backup>> ListBackups(const std::string& directory);

// The newest that is no safety copy; nullptr: none.
const Backup* Newest(std::span<const Backup> backups);
// "latest", a date (2026-11-23, with its whole day) or a time (2026-11-23T15:00:00Z, or with an offset): the newest
// that is no safety copy and not after it. kNotFound when there is none, kInvalid when it is none of these.
Result<Backup> FindBackup(std::span<const Backup> backups, const std::string& when);

// How many of the last days, weeks and months (UTC; weeks begin on Monday) that have a backup keep their newest one.
struct Retention {
  int64_t daily = 7;
  int64_t weekly = 4;
  int64_t monthly = 6;
};

inline constexpr int64_t kSafetyCopyDays = 30;

struct RetentionPlan {
  std::vector<Backup> remove;
  std::vector<Backup> keep;
  std::vector<Backup> future;  // of them, those dated over an hour ahead: kept, and no period counts them
};

// Each format stands for itself, and its newest backup always stays. Safety copies stay for kSafetyCopyDays.
RetentionPlan PlanRetention(std::span<const Backup> backups, const Retention& retention, int64_t now_unix_s);

}  // namespace gc::jobs
