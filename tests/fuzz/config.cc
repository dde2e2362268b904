// config.cc: a configuration that is taken writes itself as a file that gives the same values; one that is refused
// says where.
// SPDX-License-Identifier: MIT
#include "base/config.h"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

namespace gc::fuzz {
namespace {

// A file in memory, under a path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : fd_(memfd_create("properties", MFD_CLOEXEC)) {
    while (!content.empty()) {
      const ssize_t written = write(fd_, content.data(), content.size());
      if (written <= 0) break;
      content.remove_prefix(static_cast<size_t>(written));
    }
    is_written_ = content.empty() && fd_ >= 0;
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  bool is_written() const { return is_written_; }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
  bool is_written_ = false;
};

// Each error has a line of its own, with the file and its line or the environment in front.
std::string CheckErrors(std::string_view errors, const std::string& path) {
  if (errors.empty()) return "refused without a reason";
  while (!errors.empty()) {
    const std::string_view line = TakeLine(&errors);
    if (!line.starts_with(path + ":") && !line.starts_with("environment")) return "an error says not where";
  }
  return {};
}

}  // namespace

std::string CheckConfig(std::string_view input) {
  const MemoryFile file(input);
  if (!file.is_written()) return "no file in memory";
  const auto config = Config::Load(file.path());
  if (!config.ok()) return CheckErrors(config.error().message, file.path());
  for (const ConfigKeyInfo& info : ConfigKeys()) {
    if (info.type != ConfigType::kInteger) continue;
    if (config->Int(info.key) < info.min || config->Int(info.key) > info.max) return "an integer out of its range";
  }
  if (config->Show().find("upstream.url = ") != 0) return "--show-config lacks a key";
  const MemoryFile written(config->ToFile());
  const auto again = Config::Load(written.path());
  if (!again.ok()) return "what was written is refused: " + again.error().message;
  for (const ConfigKeyInfo& info : ConfigKeys()) {
    if (again->Text(info.key) != config->Text(info.key)) return "another value: " + std::string(info.name);
    if (again->Int(info.key) != config->Int(info.key)) return "another number: " + std::string(info.name);
  }
  return again->ToFile() == config->ToFile() ? "" : "the second file differs from the first";
}

}  // namespace gc::fuzz
