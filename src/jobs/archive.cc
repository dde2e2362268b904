// archive.cc: zstd streams to and from files.
// SPDX-License-Identifier: MIT
#include "jobs/archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/sha256.h"
#include "jobs/files.h"

namespace gc::jobs {
namespace {

constexpr int kLevel = 3;
constexpr size_t kBufferBytes = size_t{256} << 10;
constexpr std::string_view kZstdMagic = "\x28\xB5\x2F\xFD";

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// Closes with its owner.
struct Descriptor {
  explicit Descriptor(int fd) : number(fd) {}
  ~Descriptor() {
    if (number > STDERR_FILENO) close(number);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number;
};

}  // namespace

struct ArchiveWriter::State {
  State(std::string name, int number) : path(std::move(name)), fd(number) {}
  ~State() {
    if (!finished && fd.number != STDOUT_FILENO) unlink(path.c_str());
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Status WriteOut(std::string_view data) {
    hash.Update(data);
    bytes += static_cast<int64_t>(data.size());
    while (!data.empty()) {
      const ssize_t written = write(fd.number, data.data(), data.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return SystemError("cannot write " + path, errno);
      data.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }

  Status Compress(std::string_view data, ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{data.data(), data.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
      const size_t left = ZSTD_compressStream2(compressor.get(), &out, &in, directive);
      if (ZSTD_isError(left) != 0) return Error{ErrorKind::kInternal, std::string("zstd: ") + ZSTD_getErrorName(left)};
      if (Status s = WriteOut({buffer.data(), out.pos}); !s.ok()) return s;
      if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) return {};
    }
  }

  const std::string path;
  const Descriptor fd;
  std::unique_ptr<ZSTD_CCtx, FreeCompressor> compressor;  // none: not compressed
  std::string buffer;
  Sha256 hash;
  int64_t bytes = 0;
  bool finished = false;
};

ArchiveWriter::ArchiveWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
ArchiveWriter::~ArchiveWriter() = default;
ArchiveWriter::ArchiveWriter(ArchiveWriter&&) noexcept = default;

Result<ArchiveWriter> ArchiveWriter::Create(const std::string& path, Compression compression) {
  const int fd =
      path == "-" ? STDOUT_FILENO : open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return SystemError("cannot create " + path, errno);
  auto state = std::make_unique<State>(path == "-" ? "standard output" : path, fd);
  if (compression == Compression::kZstd) {
    state->compressor.reset(ZSTD_createCCtx());
    if (!state->compressor) return Error{ErrorKind::kInternal, "zstd: no memory"};
    ZSTD_CCtx_setParameter(state->compressor.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(state->compressor.get(), ZSTD_c_checksumFlag, 1);
    // A thread beside this one, which reads and hashes meanwhile. A library without threads refuses and works alone.
    ZSTD_CCtx_setParameter(state->compressor.get(), ZSTD_c_nbWorkers, 1);
    state->buffer.resize(ZSTD_CStreamOutSize());
  }
  return ArchiveWriter(std::move(state));
}

Status ArchiveWriter::Write(std::string_view bytes) {
  if (!state_->compressor) return state_->WriteOut(bytes);
  return state_->Compress(bytes, ZSTD_e_continue);
}

Result<ArchiveSummary> ArchiveWriter::Finish() {
  if (state_->compressor) {
    if (Status s = state_->Compress({}, ZSTD_e_end); !s.ok()) return s.error();
  }
  // A pipe has nothing to sync.
  if (fsync(state_->fd.number) != 0 && errno != EINVAL && errno != EROFS) {
    return SystemError("cannot write " + state_->path, errno);
  }
  state_->finished = true;
  return ArchiveSummary{state_->bytes, state_->hash.Hex()};
}

struct ArchiveReader::State {
  State(std::string name, int number) : path(std::move(name)), fd(number), input(kBufferBytes, '\0') {}

  // The next piece of the file; false at its end.
  Result<bool> Fill() {
    ssize_t bytes = 0;
    do {
      bytes = read(fd.number, input.data(), input.size());
    } while (bytes < 0 && errno == EINTR);
    if (bytes < 0) return SystemError("cannot read " + path, errno);
    chunk = {input.data(), static_cast<size_t>(bytes)};
    hash.Update(chunk);
    bytes_read += bytes;
    return bytes > 0;
  }

  // From `chunk`, and what follows it.
  Result<size_t> ReadContent(char* out, size_t bytes) {
    ZSTD_outBuffer output{out, bytes, 0};
    for (;;) {
      if (chunk.empty()) {
        const auto more = Fill();
        if (!more) return more.error();
        if (!*more) break;
      }
      if (!decompressor) {
        const size_t taken = std::min(bytes, chunk.size());
        chunk.copy(out, taken);
        chunk.remove_prefix(taken);
        return taken;
      }
      ZSTD_inBuffer from{chunk.data(), chunk.size(), 0};
      frame_left = ZSTD_decompressStream(decompressor.get(), &output, &from);
      if (ZSTD_isError(frame_left) != 0) {
        return Error{ErrorKind::kCorrupt, path + ": damaged: " + ZSTD_getErrorName(frame_left)};
      }
      chunk.remove_prefix(from.pos);
      if (output.pos > 0) return output.pos;
    }
    // The decompressor may hold more than the last call had room for.
    if (decompressor && frame_left != 0) {
      ZSTD_inBuffer from{nullptr, 0, 0};
      frame_left = ZSTD_decompressStream(decompressor.get(), &output, &from);
      if (output.pos > 0) return output.pos;
      return Error{ErrorKind::kCorrupt, path + ": damaged: it is cut short"};
    }
    return size_t{0};
  }

  const std::string path;
  const Descriptor fd;
  std::string input;
  std::string_view chunk;                                     // of `input`, not used yet
  std::unique_ptr<ZSTD_DCtx, FreeDecompressor> decompressor;  // none: not compressed
  size_t frame_left = 0;                                      // 0: between frames
  std::string peeked;                                         // content that comes before
  Sha256 hash;
  int64_t file_bytes = 0;
  int64_t bytes_read = 0;
};

ArchiveReader::ArchiveReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
ArchiveReader::~ArchiveReader() = default;
ArchiveReader::ArchiveReader(ArchiveReader&&) noexcept = default;

Result<ArchiveReader> ArchiveReader::OpenRaw(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError("cannot open " + path, errno);
  auto state = std::make_unique<State>(path, fd);
  struct stat file {};
  if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) return Error{ErrorKind::kInvalid, path + " is not a file"};
  state->file_bytes = file.st_size;
  return ArchiveReader(std::move(state));
}

Result<ArchiveReader> ArchiveReader::Open(const std::string& path) {
  auto reader = OpenRaw(path);
  if (!reader) return reader;
  State& state = *reader->state_;
  const auto more = state.Fill();
  if (!more) return more.error();
  if (!state.chunk.starts_with(kZstdMagic)) return reader;
  state.decompressor.reset(ZSTD_createDCtx());
  if (!state.decompressor) return Error{ErrorKind::kInternal, "zstd: no memory"};
  state.frame_left = 1;
  return reader;
}

Result<std::string_view> ArchiveReader::Peek(size_t bytes) {
  std::string& peeked = state_->peeked;
  while (peeked.size() < bytes) {
    const size_t had = peeked.size();
    peeked.resize(bytes);
    const auto read = state_->ReadContent(peeked.data() + had, bytes - had);
    peeked.resize(had + (read ? *read : 0));
    if (!read) return read.error();
    if (*read == 0) break;
  }
  return std::string_view(peeked).substr(0, bytes);
}

Result<size_t> ArchiveReader::Read(char* buffer, size_t bytes) {
  std::string& peeked = state_->peeked;
  if (peeked.empty()) return state_->ReadContent(buffer, bytes);
  const size_t taken = std::min(bytes, peeked.size());
  peeked.copy(buffer, taken);
  peeked.erase(0, taken);
  return taken;
}

Compression ArchiveReader::compression() const {
  return state_->decompressor ? Compression::kZstd : Compression::kNone;
}
int64_t ArchiveReader::file_bytes() const { return state_->file_bytes; }
int64_t ArchiveReader::bytes_read() const { return state_->bytes_read; }
std::string ArchiveReader::Sha256Hex() { return state_->hash.Hex(); }

}  // namespace gc::jobs
