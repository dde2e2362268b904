// master.cc: starts, replaces and stops workers.
// A worker is a fresh exec of the program, never a fork that goes on: no SQLite handle may cross a fork. The contract:
// the worker writes kWorkerReady when it serves; when it is spent it writes kWorkerSpent and serves on; the master
// starts another and sends the old one SIGTERM only once the new one is ready, so that the socket is never without a
// reader.
// SPDX-License-Identifier: MIT
#include "handler/master.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "handler/worker.h"
#include "store/connection.h"

namespace gc {
namespace {

constexpr int64_t kMinBackoffMs = 100;
constexpr int64_t kMaxBackoffMs = 30000;
constexpr int64_t kStartTimeoutMs = 20000;  // a worker that is not ready by then is killed
constexpr int64_t kYoungUs = 1000000;       // one that dies within this time of being ready may do so for ever
constexpr int64_t kKillAgainUs = 1000000;

enum class State {
  kStarting,
  kReady,
  kSpent,     // serves on until its replacement is ready
  kStopping,  // has been sent SIGTERM, or drains by itself
};

struct Worker {
  pid_t pid = -1;
  int status_fd = -1;
  int life_fd = -1;
  State state = State::kStarting;
  bool is_heir = false;
  int64_t deadline_us = 0;  // kStarting, kStopping: killed when it passes
  int64_t ready_us = 0;
};

class Master {
 public:
  Master(Config config, std::string config_path, std::string program, int listen_fd, pid_t server_pid)
      : config_(std::move(config)),
        config_path_(std::move(config_path)),
        program_(std::move(program)),
        listen_fd_(listen_fd),
        started_unix_ms_(SystemClock().UnixMs()) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    signal(SIGPIPE, SIG_IGN);
    if (listen_fd > STDERR_FILENO) fcntl(listen_fd, F_SETFD, FD_CLOEXEC);  // a worker gets a copy that it can close
    server_pid_ = server_pid > 0 ? server_pid : getppid();
    ShareConfig();
    if (server_pid > 0) server_fd_ = static_cast<int>(syscall(SYS_pidfd_open, server_pid, 0));
  }

  int Run() {
    Log(LogLevel::kInfo, "master starts", {{"program", program_}});
    KeepDatabaseOpen();
    while (!stopping_ || !workers_.empty()) {
      if (!stopping_) StartMissing();
      NameHeir();
      KillOverdue();
      WaitForNews();
    }
    Log(LogLevel::kInfo, "master ends");
    return EX_OK;
  }

 private:
  // The last connection to close a database checkpoints it: 19 ms that no worker or CGI process shall pay.
  void KeepDatabaseOpen() {
    if (keeper_ && !keeper_->HasMoved()) return;
    keeper_.reset();
    auto opened = store::Connection::Open(config_.Text(ConfigKey::kDatabasePath), store::OpenMode::kReadWrite, 100);
    if (!opened.ok()) {
      Log(LogLevel::kWarn, "the database cannot be opened; requests are served and rows spooled",
          {{"error", opened.error().message}});
      return;
    }
    keeper_ = std::move(*opened);
    if (const auto touched = keeper_->QueryInt("SELECT count(*) FROM sqlite_schema"); !touched.ok()) keeper_.reset();
  }

  // Workers read what the master has accepted, not the file, which somebody may be editing.
  void ShareConfig() {
    if (config_fd_ >= 0) close(config_fd_);
    config_fd_ = memfd_create("gemini-code.properties", MFD_CLOEXEC);
    const std::string text = config_.ToFile();
    if (write(config_fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      Log(LogLevel::kError, "the configuration cannot be shared", {{"error", std::strerror(errno)}});
    }
  }

  int Count(State state) const {
    return static_cast<int>(
        std::count_if(workers_.begin(), workers_.end(), [state](const Worker& w) { return w.state == state; }));
  }

  // As many ready or starting workers as configured; a spent one counts no more.
  void StartMissing() {
    const int64_t now_us = SystemClock().MonotonicUs();
    const int wanted = static_cast<int>(config_.Int(ConfigKey::kWorkerProcesses));
    while (Count(State::kReady) + Count(State::kStarting) < wanted && now_us >= next_start_us_) {
      KeepDatabaseOpen();
      if (!StartOne()) Backoff();
    }
  }

  void Backoff() {
    if (SystemClock().MonotonicUs() < next_start_us_) return;  // several that fail together count once
    backoff_ms_ = std::clamp(backoff_ms_ * 2, kMinBackoffMs, kMaxBackoffMs);
    next_start_us_ = SystemClock().MonotonicUs() + backoff_ms_ * 1000;
    Log(LogLevel::kWarn, "workers do not start or stay; waiting", {{"wait_ms", std::to_string(backoff_ms_)}});
  }

  bool StartOne() {
    int status[2];
    int life[2];
    if (pipe2(status, O_CLOEXEC) != 0) return false;
    if (pipe2(life, O_CLOEXEC) != 0) {
      close(status[0]);
      close(status[1]);
      return false;
    }
    // Before there is a worker: this process may be killed at any moment, and a worker that listens without being the
    // heir would keep the web server from starting another master.
    const bool is_heir = !HasHeir();
    const std::string heir_line = is_heir ? HeirLine() : "";
    if (write(life[1], heir_line.data(), heir_line.size()) < 0) Log(LogLevel::kWarn, "no heir is named");
    const pid_t pid = fork();
    if (pid == 0) ExecWorker(status[1], life[0]);
    close(status[1]);
    close(life[0]);
    if (pid < 0) {
      close(status[0]);
      close(life[1]);
      return false;
    }
    fcntl(status[0], F_SETFL, O_NONBLOCK);
    fcntl(life[1], F_SETFL, O_NONBLOCK);
    const int64_t deadline_us = SystemClock().MonotonicUs() + kStartTimeoutMs * 1000;
    workers_.push_back({pid, status[0], life[1], State::kStarting, is_heir, deadline_us, 0});
    SendConfigError(workers_.back());
    return true;
  }

  // In the child: only async-signal-safe calls, but for the strings that were made before (the master has one thread).
  [[noreturn]] void ExecWorker(int status_fd, int life_fd) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    // dup() clears close-on-exec. Under fd 0 the socket must not live on: a worker has to be able to close it.
    const std::string listen = std::to_string(dup(listen_fd_));
    if (const int null = open("/dev/null", O_RDWR | O_CLOEXEC); listen_fd_ == STDIN_FILENO) dup2(null, STDIN_FILENO);
    const std::string status = std::to_string(dup(status_fd));
    const std::string life = std::to_string(dup(life_fd));
    const std::string started = std::to_string(started_unix_ms_);
    const std::string config = "/proc/self/fd/" + std::to_string(dup(config_fd_));
    const char* argv[] = {program_.c_str(),     "--worker",     "-c",         config.c_str(),
                          listen.c_str(),       status.c_str(), life.c_str(), started.c_str(),
                          config_path_.c_str(), nullptr};
    execv(program_.c_str(), const_cast<char* const*>(argv));
    _exit(EX_OSERR);
  }

  void SendConfigError(const Worker& worker) {
    std::string line = kConfigErrorLine + config_error_ + "\n";
    std::replace(line.begin(), line.end() - 1, '\n', ';');
    Send(worker, line);
  }

  static void Send(const Worker& worker, const std::string& line) {
    if (write(worker.life_fd, line.data(), line.size()) < 0) Log(LogLevel::kWarn, "a worker does not listen");
  }

  std::string HeirLine() const { return kHeirLine + std::to_string(server_pid_) + "\n"; }
  static bool Stays(const Worker& worker) { return worker.state != State::kStopping; }
  bool HasHeir() const {
    return std::any_of(workers_.begin(), workers_.end(), [](const Worker& w) { return w.is_heir && Stays(w); });
  }

  // One worker at a time is to start another master should this one die. One that is still starting only when no other
  // is there; it does so once it serves.
  void NameHeir() {
    const auto serves = [](const Worker& w) { return w.state == State::kReady || w.state == State::kSpent; };
    auto next = std::find_if(workers_.begin(), workers_.end(), serves);
    if (next == workers_.end()) next = std::find_if(workers_.begin(), workers_.end(), Stays);
    if (HasHeir() || stopping_ || next == workers_.end()) return;
    next->is_heir = true;
    Send(*next, HeirLine());
  }

  void KillOverdue() {
    const int64_t now_us = SystemClock().MonotonicUs();
    for (Worker& worker : workers_) {
      const bool waits = worker.state == State::kStarting || worker.state == State::kStopping;
      if (!waits || now_us < worker.deadline_us) continue;
      kill(worker.pid, SIGKILL);
      worker.deadline_us = now_us + kKillAgainUs;  // one that hangs in the kernel must not make this loop spin
    }
  }

  int TimeoutMs() const {
    int64_t at_us = INT64_MAX;
    const bool starts_later = !stopping_ && Count(State::kReady) + Count(State::kStarting) <
                                                static_cast<int>(config_.Int(ConfigKey::kWorkerProcesses));
    if (starts_later) at_us = next_start_us_;
    for (const Worker& worker : workers_) {
      if (worker.state == State::kStarting || worker.state == State::kStopping)
        at_us = std::min(at_us, worker.deadline_us);
    }
    if (at_us == INT64_MAX) return -1;
    return static_cast<int>(std::clamp<int64_t>((at_us - SystemClock().MonotonicUs()) / 1000 + 1, 0, 60000));
  }

  void WaitForNews() {
    std::vector<pollfd> fds = {{signal_fd_, POLLIN, 0}, {stopping_ ? -1 : server_fd_, POLLIN, 0}};
    constexpr size_t kFirstWorker = 2;
    for (const Worker& worker : workers_) fds.push_back({worker.status_fd, POLLIN, 0});
    if (poll(fds.data(), fds.size(), TimeoutMs()) <= 0) return;
    for (size_t i = kFirstWorker; i < fds.size(); ++i) {
      if (fds[i].revents != 0) ReadStatus(&workers_[i - kFirstWorker]);
    }
    if (fds[1].revents != 0) StopAll("the web server ended");
    signalfd_siginfo info{};
    while (read(signal_fd_, &info, sizeof info) == ssize_t{sizeof info}) OnSignal(static_cast<int>(info.ssi_signo));
  }

  void ReadStatus(Worker* worker) {
    char news[16];
    const ssize_t n = read(worker->status_fd, news, sizeof news);
    if (n == 0) {  // it is dead or dying: SIGCHLD follows
      close(worker->status_fd);
      worker->status_fd = -1;
    }
    for (ssize_t i = 0; i < n; ++i) {
      if (news[i] == kWorkerReady && worker->state == State::kStarting) OnReady(worker);
      if (news[i] == kWorkerSpent && worker->state == State::kReady) worker->state = State::kSpent;
      if (news[i] == kWorkerLeaving && (worker->state == State::kReady || worker->state == State::kSpent))
        OnLeaving(worker);
    }
  }

  void OnReady(Worker* worker) {
    worker->state = State::kReady;
    worker->ready_us = SystemClock().MonotonicUs();
    backoff_ms_ = 0;
    const int surplus =
        Count(State::kReady) + Count(State::kSpent) - static_cast<int>(config_.Int(ConfigKey::kWorkerProcesses));
    for (int i = 0; i < surplus; ++i) {
      const auto spent =
          std::find_if(workers_.begin(), workers_.end(), [](const Worker& w) { return w.state == State::kSpent; });
      if (spent != workers_.end()) Stop(&*spent);
    }
  }

  void OnLeaving(Worker* worker) {
    worker->state = State::kStopping;
    worker->deadline_us = SystemClock().MonotonicUs() + (config_.Int(ConfigKey::kProcessDrainS) + 3) * 1000000;
  }

  void Stop(Worker* worker) {
    OnLeaving(worker);
    kill(worker->pid, SIGTERM);
  }

  void OnSignal(int signal) {
    if (signal == SIGCHLD) return Reap();
    if (signal == SIGHUP) return Reload();
    StopAll(strsignal(signal));
  }

  void StopAll(const char* why) {
    if (stopping_) return;  // forwarded once; the workers drain
    stopping_ = true;
    Log(LogLevel::kInfo, "master stops", {{"why", why}});
    for (Worker& worker : workers_) Stop(&worker);
  }

  void Reap() {
    int status = 0;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
      const auto dead = std::find_if(workers_.begin(), workers_.end(), [pid](const Worker& w) { return w.pid == pid; });
      if (dead == workers_.end()) continue;
      const bool expected = dead->state == State::kStopping;
      const bool never_served = dead->state == State::kStarting;
      const bool young = !expected && SystemClock().MonotonicUs() - dead->ready_us < kYoungUs;
      Log(expected ? LogLevel::kInfo : LogLevel::kError, expected ? "worker ended" : "worker died",
          {{"worker", std::to_string(pid)},
           {WIFSIGNALED(status) ? "signal" : "code",
            std::to_string(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status))}});
      if (dead->status_fd >= 0) close(dead->status_fd);
      close(dead->life_fd);
      workers_.erase(dead);
      if (never_served || young) Backoff();
    }
  }

  // A bad configuration changes nothing, but is seen in the log and in /health.
  void Reload() {
    auto loaded = Config::Load(config_path_);
    config_error_ = loaded.ok() ? "" : loaded.error().message;
    Log(loaded.ok() ? LogLevel::kInfo : LogLevel::kError, loaded.ok() ? "configuration read" : "configuration refused",
        {{"error", config_error_}});
    if (loaded.ok()) {
      config_ = std::move(*loaded);
      keeper_.reset();                   // the database may be another one now
      next_start_us_ = backoff_ms_ = 0;  // what kept workers from starting may be mended
      ShareConfig();
      LogInit(config_.Text(ConfigKey::kLogFile), config_.Text(ConfigKey::kLogLevel));
    }
    for (Worker& worker : workers_) {
      SendConfigError(worker);
      if (!loaded.ok()) continue;
      if (worker.state == State::kReady) worker.state = State::kSpent;
      if (worker.state == State::kStarting) Stop(&worker);  // it may have read the old file
    }
  }

  Config config_;
  const std::string config_path_;
  const std::string program_;
  const int listen_fd_;
  const int64_t started_unix_ms_;
  int config_fd_ = -1;  // memfd with config_ as a file
  int signal_fd_ = -1;
  pid_t server_pid_ = 0;  // the process that started this master, or the first of its line
  int server_fd_ = -1;    // pidfd; -1: nobody is watched
  std::vector<Worker> workers_;
  std::optional<store::Connection> keeper_;
  std::string config_error_;
  int64_t backoff_ms_ = 0;
  int64_t next_start_us_ = 0;
  bool stopping_ = false;
};

}  // namespace

int RunMaster(Config config, const std::string& config_path, const std::string& program, int listen_fd,
              pid_t server_pid) {
  return Master(std::move(config), config_path, program, listen_fd, server_pid).Run();
}

}  // namespace gc
