// process.h: child processes that never outlive their test, and what /proc says about them.
// For directories of one test see temp_dir.h, for a free port UnusedPort() in raw_server.h.
// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/temp_dir.h"

namespace gc::test {

enum class Environment { kInherited, kOnlyGiven };

struct Command {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH
  std::vector<std::string> env;   // "NAME=VALUE", over the inherited ones
  Environment environment = Environment::kInherited;
  std::string cwd;          // empty = this process's
  std::string input;        // all of stdin; empty = /dev/null
  std::string stdout_file;  // appended to; empty = a pipe that ReadLine reads
  std::string stderr_file;  // appended to; empty = /dev/null
};

// A started program, leader of its own process group. Movable. The kernel kills it when the thread that started it
// dies, so that a crashing test leaves nothing behind.
class Process {
 public:
  // An impossible command gives a process that has already ended with code 127.
  explicit Process(const Command& command);
  ~Process();  // SIGKILL to the group, reaps the leader
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;

  pid_t pid() const { return pid_; }
  bool IsRunning() const;
  void Signal(int number) const;  // the leader only
  void SignalGroup(int number) const;
  // The exit code (128 + N after signal N), or nullopt when it still runs after timeout_ms. May be called again.
  std::optional<int> Wait(int64_t timeout_ms) const;
  // Sends SIGTERM and waits.
  std::optional<int> Stop(int64_t timeout_ms = 10'000) const;
  // The next line of its stdout without the end of line; nullopt at the end of file or when none came in time.
  std::optional<std::string> ReadLine(int64_t timeout_ms);

 private:
  pid_t pid_ = -1;
  int pid_fd_ = -1;
  int out_fd_ = -1;
  std::string buffer_;
};

struct RunResult {
  int code = -1;  // as Process::Wait; -1 = killed at the timeout
  std::string out;
  std::string err;
};

// Runs to the end. stdout_file and stderr_file of the command are ignored.
RunResult RunCommand(Command command, int64_t timeout_ms = 30'000);

// Calls `condition` every 2 ms; false when it did not hold within timeout_ms.
bool WaitUntil(const std::function<bool()>& condition, int64_t timeout_ms = 5000);

// Readers of /proc; -1 (or an empty list) when the process is gone.
int64_t RssKb(pid_t pid);
int64_t PeakRssKb(pid_t pid);  // since it started
int64_t CpuTicks(pid_t pid);   // user + system, of sysconf(_SC_CLK_TCK) per second
int ThreadCount(pid_t pid);
int OpenFiles(pid_t pid);
std::vector<pid_t> Children(pid_t pid);

}  // namespace gc::test
