// backup_make.h: one backup: copied, checked, packed, described, and only then given its name.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "jobs/archive.h"
#include "jobs/backup_set.h"
#include "jobs/console.h"
#include "jobs/manifest.h"
#include "store/backup.h"

namespace gc::jobs {

enum class WithManifest { kNo, kYes };

struct MakeRequest {
  std::string database_path;
  std::string target;          // "-": standard output
  std::string work_directory;  // for the copy; the target's, unless that is standard output
  BackupFormat format = BackupFormat::kDatabase;
  Compression compression = Compression::kZstd;
  WithManifest manifest = WithManifest::kYes;
  store::CheckDepth depth = store::CheckDepth::kQuick;
  int64_t created_unix_s = 0;
};

// The space it needs, and whether it is there: kFull with the figures when it is not.
Status CheckSpace(const MakeRequest& request);

// Makes it, over a file of that name. Work files are <work directory>/.NAME*.partial; those that a killed run left for
// the same name are removed first. What fails leaves the target as it was. Errors: as store::CopyDatabase and
// store::CheckDatabase; kExists: the target is there and no file.
Result<Manifest> MakeBackup(const MakeRequest& request, Console* console);

// A backup of a database that is about to be changed (BackupName::safety_copy); makes the directory when it is missing.
// Returns its path. Errors as MakeBackup's, and kFull. REQUIRES: no other run works in the directory.
Result<std::string> MakeSafetyCopy(const std::string& database_path, const std::string& directory, int64_t now_unix_s,
                                   Console* console);

// Removes the work files that killed runs left in a backup directory, and gives a manifest its name where only that was
// missing. REQUIRES: no other run works there.
Status RemoveLeftovers(const std::string& directory, Console* console);

// The path of a work file: kind is "", "copy", "json" or "unpacked".
std::string WorkFile(const std::string& directory, const std::string& name, const std::string& kind);

}  // namespace gc::jobs
