// process.cc: fork and exec with everything prepared before, pidfds for waiting.
// SPDX-License-Identifier: MIT
#include "support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <utility>

namespace gc::test {
namespace {

constexpr int kNotStarted = 127;

int64_t NowMs() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string_view NameOf(std::string_view assignment) { return assignment.substr(0, assignment.find('=')); }

std::vector<std::string> FullEnvironment(const Command& command) {
  std::vector<std::string> out = command.env;
  if (command.environment == Environment::kOnlyGiven) return out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const bool is_given = std::any_of(command.env.begin(), command.env.end(),
                                      [&](const std::string& e) { return NameOf(e) == NameOf(*entry); });
    if (!is_given) out.emplace_back(*entry);
  }
  return out;
}

std::vector<char*> Pointers(std::vector<std::string>* texts) {
  std::vector<char*> out;
  for (std::string& text : *texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

int OpenForAppend(const std::string& file) {
  return open(file.empty() ? "/dev/null" : file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

int OpenInput(const std::string& text) {
  if (text.empty()) return open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int fd = memfd_create("stdin", MFD_CLOEXEC);
  const bool is_whole = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!is_whole || lseek(fd, 0, SEEK_SET) != 0) ADD_FAILURE() << "no stdin for a child";
  return fd;
}

// What the child needs; made before the fork, because after it only async-signal-safe calls are allowed.
struct Start {
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::string cwd;
  int in = -1;
  int out = -1;
  int err = -1;
};

[[noreturn]] void RunChild(const Start& start, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  const bool is_orphan = getppid() != parent;
  const bool is_ready = !is_orphan && dup2(start.in, 0) == 0 && dup2(start.out, 1) == 1 && dup2(start.err, 2) == 2 &&
                        (start.cwd.empty() || chdir(start.cwd.c_str()) == 0);
  if (is_ready) execvpe(start.argv[0], start.argv.data(), start.envp.data());
  _exit(kNotStarted);
}

// The text after "NAME:" in /proc/PID/status; -1 when absent.
int64_t StatusNumber(pid_t pid, std::string_view name) {
  const std::string text = "\n" + ReadFile("/proc/" + std::to_string(pid) + "/status");
  const size_t at = text.find("\n" + std::string(name) + ":");
  return at == std::string::npos ? -1 : std::strtoll(text.c_str() + at + name.size() + 2, nullptr, 10);
}

}  // namespace

Process::Process(const Command& command) {
  Start start;
  start.args = command.argv;
  start.env = FullEnvironment(command);
  start.argv = Pointers(&start.args);
  start.envp = Pointers(&start.env);
  start.cwd = command.cwd;
  start.in = OpenInput(command.input);
  start.err = OpenForAppend(command.stderr_file);
  int ends[2] = {-1, -1};
  if (command.stdout_file.empty()) {
    if (pipe2(ends, O_CLOEXEC) != 0) ADD_FAILURE() << "no pipe";
    out_fd_ = ends[0];
    start.out = ends[1];
  } else {
    start.out = OpenForAppend(command.stdout_file);
  }
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) RunChild(start, parent);
  setpgid(pid_, pid_);  // here too: whoever comes first
  pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  for (const int fd : {start.in, start.out, start.err}) close(fd);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pid_fd_(std::exchange(other.pid_fd_, -1)),
      out_fd_(std::exchange(other.out_fd_, -1)),
      buffer_(std::move(other.buffer_)) {}

Process::~Process() {
  if (pid_ > 0) {
    // The leader was never reaped before, so its number cannot belong to anybody else yet.
    kill(-pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (pid_fd_ >= 0) close(pid_fd_);
  if (out_fd_ >= 0) close(out_fd_);
}

bool Process::IsRunning() const { return !Wait(0).has_value(); }

void Process::Signal(int number) const { kill(pid_, number); }

void Process::SignalGroup(int number) const { kill(-pid_, number); }

std::optional<int> Process::Wait(int64_t timeout_ms) const {
  pollfd p{pid_fd_, POLLIN, 0};
  const int64_t deadline = NowMs() + timeout_ms;
  int n = 0;
  do {
    n = poll(&p, 1, static_cast<int>(std::max<int64_t>(0, deadline - NowMs())));
  } while (n < 0 && errno == EINTR);
  siginfo_t info{};
  if (n <= 0 || waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0) return std::nullopt;
  return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

std::optional<int> Process::Stop(int64_t timeout_ms) const {
  Signal(SIGTERM);
  return Wait(timeout_ms);
}

std::optional<std::string> Process::ReadLine(int64_t timeout_ms) {
  const int64_t deadline = NowMs() + timeout_ms;
  for (;;) {
    if (const size_t eol = buffer_.find('\n'); eol != std::string::npos) {
      std::string line = buffer_.substr(0, eol);
      buffer_.erase(0, eol + 1);
      return line;
    }
    pollfd p{out_fd_, POLLIN, 0};
    const int64_t left_ms = deadline - NowMs();
    if (left_ms <= 0 || poll(&p, 1, static_cast<int>(left_ms)) == 0) return std::nullopt;
    char chunk[4096];
    const ssize_t n = read(out_fd_, chunk, sizeof chunk);
    if (n == 0 || (n < 0 && errno != EINTR)) return std::nullopt;
    if (n > 0) buffer_.append(chunk, static_cast<size_t>(n));
  }
}

RunResult RunCommand(Command command, int64_t timeout_ms) {
  const TempDir dir;
  command.stdout_file = dir.Path("out");
  command.stderr_file = dir.Path("err");
  RunResult result;
  {
    const Process process(command);
    result.code = process.Wait(timeout_ms).value_or(-1);
  }
  result.out = ReadFile(command.stdout_file);
  result.err = ReadFile(command.stderr_file);
  return result;
}

bool WaitUntil(const std::function<bool()>& condition, int64_t timeout_ms) {
  const int64_t deadline = NowMs() + timeout_ms;
  while (!condition()) {
    if (NowMs() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

int64_t RssKb(pid_t pid) { return StatusNumber(pid, "VmRSS"); }

int64_t PeakRssKb(pid_t pid) { return StatusNumber(pid, "VmHWM"); }

int ThreadCount(pid_t pid) { return static_cast<int>(StatusNumber(pid, "Threads")); }

int64_t CpuTicks(pid_t pid) {
  const std::string text = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  const size_t after_name = text.rfind(')');  // the name may hold anything
  if (after_name == std::string::npos) return -1;
  constexpr int kUserTime = 14;  // fields as in proc(5); the one after the name is 3
  std::istringstream fields(text.substr(after_name + 1));
  std::string skipped;
  for (int i = 3; i < kUserTime; ++i) fields >> skipped;
  int64_t user = 0;
  int64_t system = 0;
  fields >> user >> system;
  return user + system;
}

int OpenFiles(pid_t pid) {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/" + std::to_string(pid) + "/fd", error);
  return error ? -1 : static_cast<int>(std::distance(begin(files), end(files)));
}

std::vector<pid_t> Children(pid_t pid) {
  std::vector<pid_t> out;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", error)) {
    std::istringstream numbers(ReadFile(task.path().string() + "/children"));
    for (pid_t child = 0; numbers >> child;) out.push_back(child);
  }
  return out;
}

}  // namespace gc::test
