// restore.h: gemini-code-restore without its command line: puts a backup in the place of the main database.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "jobs/console.h"
#include "store/backup.h"

namespace gc::jobs {

enum class SafetyCopy { kYes, kNo };

struct RestoreOptions {
  std::string database_path;
  std::string directory;      // backup.dir
  std::string wanted;         // path, name in the directory, date or time (the newest not after it), or "latest"
  std::string confirmed;      // --confirm: has to be the backup's name
  std::function<bool()> ask;  // asks a person to go on; empty: nobody is there
  bool force = false;         // nobody has to confirm
  bool dry_run = false;       // checks all, changes nothing
  SafetyCopy safety_copy = SafetyCopy::kYes;
  store::CheckDepth depth = store::CheckDepth::kQuick;
  int64_t lock_wait_s = 0;
};

// Checks the backup, copies the present database into the directory, and restores. Nothing is changed before the backup
// is known to be good. Returns a sysexits code: 0 done; 64 not confirmed, or usage; 65 the backup is damaged; 66 not
// found; 73 cannot create; 74 I/O error or no space; 75 locked; 77 permission; 78 not a backup of this program's main
// database, or of a newer schema.
int RunRestore(const RestoreOptions& options, Clock& clock, Console* console);

}  // namespace gc::jobs
