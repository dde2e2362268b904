// manifest.h: the JSON file beside a backup: what it should be, so that a check needs no database.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "store/backup.h"

namespace gc::jobs {

struct Manifest {
  std::string file;  // name of the backup
  int64_t created_unix_s = 0;
  std::string host;
  std::string tool_version;
  std::string sqlite_version;
  int64_t bytes = 0;                                    // of the file
  std::string sha256;                                   // of the file
  store::CheckDepth check = store::CheckDepth::kQuick;  // what the copy passed before it was packed
  store::DatabaseFacts facts;

  std::string ToJson() const;
};

// Of a backup: the file beside it with ".json" at its end.
std::string ManifestPath(const std::string& backup);
// kNotFound: there is none; kCorrupt: it cannot be understood, or is for another file.
Result<Manifest> ReadManifest(const std::string& backup);

}  // namespace gc::jobs
