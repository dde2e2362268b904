// files.h: directories, free space and durable renames, with the operating system's errors as values.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace gc::jobs {

Error SystemError(const std::string& what, int system_errno);

// "." for a name alone.
std::string DirectoryOf(const std::string& path);
std::string BaseName(const std::string& path);
bool Exists(const std::string& path);

// Makes a directory and those above it that are missing, mode 0700.
Status MakeDirectories(const std::string& path);
// Those above a file.
Status MakeParents(const std::string& path);

// Makes a new file (mode 0600) with this content, on the disk when it returns.
Status WriteNewFile(const std::string& path, const std::string& content);
// Renames inside one directory, over a file that is there. Lasting after SyncDirectory.
Status Rename(const std::string& from, const std::string& to);
// All of a file is on the disk when it returns.
Status SyncFile(const std::string& path);
Status SyncDirectory(const std::string& directory);
// Bytes that this user may still write there.
Result<int64_t> FreeBytes(const std::string& directory);

// Removes a database and what SQLite keeps beside it. Missing ones do not count.
void RemoveDatabase(const std::string& path);

}  // namespace gc::jobs
