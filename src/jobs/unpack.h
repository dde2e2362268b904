// unpack.h: a backup file of any kind made a database again, and found to be what it should be.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "jobs/archive.h"
#include "jobs/console.h"
#include "jobs/manifest.h"
#include "store/backup.h"

namespace gc::jobs {

struct Unpacked {
  store::DatabaseFacts facts;
  std::optional<Manifest> manifest;  // none: there is no manifest beside the backup
};

// Makes `target`, a new file, of a backup: a database or SQL text, compressed or not, by its first bytes. Checks the
// hash, the database, and its tables' rows against the manifest. What fails leaves no file. kCorrupt: damaged, or not
// what its manifest says; kConfig: another program's database, or a newer schema; kInvalid: no kind of backup.
Result<Unpacked> Unpack(const std::string& backup, const std::string& target, store::CheckDepth depth,
                        Console* console);

// Reads the whole file without making a database of it: the hash, the checksums of the compression. Errors as Unpack.
Result<std::optional<Manifest>> ReadThrough(const std::string& backup, Console* console);

}  // namespace gc::jobs
