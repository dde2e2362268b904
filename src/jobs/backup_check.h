// backup_check.h: the commands of gemini-code-backup that read backups: check and drill.
// SPDX-License-Identifier: MIT
#pragma once

#include "base/clock.h"
#include "jobs/backup.h"
#include "jobs/console.h"

namespace gc::jobs {

// Both as RunBackup. CheckBackups reads the newest, the named, or all; with CheckDepth::kFull each becomes a database
// for a moment. Drill does that with the newest, and records it.
int CheckBackups(const BackupOptions& options, Clock& clock, Console* console);
int Drill(const BackupOptions& options, Clock& clock, Console* console);

}  // namespace gc::jobs
