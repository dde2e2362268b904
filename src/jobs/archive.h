// archive.h: the file that a backup is: written and read as a stream, compressed with zstd or not, hashed on the way.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gc::jobs {

enum class Compression { kNone, kZstd };

// What was written.
struct ArchiveSummary {
  int64_t bytes = 0;   // of the file
  std::string sha256;  // of the file, 64 hex digits
};

// A file that is not finished goes with its writer. Used by one thread.
class ArchiveWriter {
 public:
  // A new file, mode 0600; "-": standard output. kExists when there is one, else as the file system says.
  static Result<ArchiveWriter> Create(const std::string& path, Compression compression);
  ~ArchiveWriter();
  ArchiveWriter(ArchiveWriter&&) noexcept;
  ArchiveWriter& operator=(ArchiveWriter&&) = delete;

  Status Write(std::string_view bytes);
  // All of it is on the disk when this returns.
  Result<ArchiveSummary> Finish();

 private:
  struct State;
  explicit ArchiveWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Sees by the first bytes whether the file is compressed. Used by one thread.
class ArchiveReader {
 public:
  static Result<ArchiveReader> Open(const std::string& path);
  // The file as it is, compressed or not.
  static Result<ArchiveReader> OpenRaw(const std::string& path);
  ~ArchiveReader();
  ArchiveReader(ArchiveReader&&) noexcept;
  ArchiveReader& operator=(ArchiveReader&&) = delete;

  // The first bytes of the content, as many as asked for if it has them; they will be read again.
  Result<std::string_view> Peek(size_t bytes);
  // Content into the buffer; 0: the end. kCorrupt: the compressed data is damaged or cut short.
  Result<size_t> Read(char* buffer, size_t bytes);

  Compression compression() const;
  int64_t file_bytes() const;  // of the whole file
  int64_t bytes_read() const;  // of them, so far
  // Of the file. REQUIRES: Read came to the end.
  std::string Sha256Hex();

 private:
  struct State;
  explicit ArchiveReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gc::jobs
