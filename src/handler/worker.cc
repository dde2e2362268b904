// worker.cc: the threads of one worker process.
// One thread at a time, the leader, waits for a connection; it passes leadership on before it serves. Were all threads
// to wait on the socket, each connection would wake them all: 180 us of CPU per request with 64 threads, 2 ms with
// 1,000.
// SPDX-License-Identifier: MIT
#include "handler/worker.h"

#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/curl_api.h"
#include "base/key_hash.h"
#include "base/log.h"
#include "handler/fcgi_request.h"
#include "handler/gemini_client.h"
#include "handler/health.h"
#include "handler/relay.h"
#include "store/log_writer.h"
#include "store/signature_keeper.h"

extern char** environ;

namespace gc {
namespace {

constexpr int kSpareThreads = 4;
constexpr int64_t kLastWordsS = 1;  // for what process.drain_s cut short; the master waits longer
#ifdef __SANITIZE_THREAD__
constexpr size_t kStackBytes = size_t{2} << 20;  // its own thread-local data counts as stack
#else
constexpr size_t kStackBytes = size_t{256} << 10;  // TLS and SQLite used 13 KB when measured
#endif

class ThreadPool {
 public:
  ThreadPool(const Config& config, int listen_fd, MasterLink link, Relay* relay, store::LogWriter* log)
      : config_(config),
        listen_fd_(listen_fd),
        max_threads_(link.exists() ? static_cast<int>(config.Int(ConfigKey::kWorkerThreads)) : 1),
        max_requests_(link.exists() ? config.Int(ConfigKey::kWorkerMaxRequests) : 0),
        relay_(relay),
        log_(log),
        stop_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        spent_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~ThreadPool() {
    close(stop_fd_);
    close(spent_fd_);
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void Start() {
    const std::lock_guard lock(mutex_);
    AddThreadLocked();
  }

  // Becomes readable once the worker has served max_requests.
  int spent_fd() const { return spent_fd_; }

  // No further connection is accepted once this returns.
  void StopAccepting() {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    eventfd_write(stop_fd_, 1);
    for (const auto& follower : std::exchange(followers_, {})) follower->called.notify_one();
    changed_.wait(lock, [this] { return !has_leader_; });
  }

  // True when all requests ended in time.
  bool WaitIdle(int64_t seconds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(seconds), [this] { return threads_ == 0; });
  }

 private:
  void AddThreadLocked() {
    try {
      std::thread([this] { ThreadMain(); }).detach();
      ++threads_;
      ++idle_;
    } catch (const std::system_error& e) {
      Log(LogLevel::kWarn, "no further thread", {{"error", e.what()}});
    }
  }

  // A thread that waits to become the leader. Shared: whoever wakes it does so after the lock is released, when the
  // thread may have ended already.
  struct Follower {
    std::condition_variable called;
    bool is_leader = false;
  };

  void ThreadMain() {
    const auto self = std::make_shared<Follower>();
    std::unique_lock lock(mutex_);
    while (LeadLocked(self, &lock)) {
      lock.unlock();
      const int connection = AcceptOne();
      lock.lock();
      if (connection < 0) {
        has_leader_ = false;
        break;
      }
      --idle_;
      CountRequestLocked();
      const Capacity capacity =
          max_threads_ > 1 && idle_ == 0 && threads_ == max_threads_ ? Capacity::kLastThread : Capacity::kFree;
      if (idle_ < kSpareThreads && threads_ < max_threads_) AddThreadLocked();
      const std::shared_ptr<Follower> next = PassLeadershipLocked();
      lock.unlock();
      if (next) next->called.notify_one();
      ServeOne(connection, capacity);
      lock.lock();
      ++idle_;
    }
    --threads_;
    --idle_;
    changed_.notify_all();
  }

  // Waits until this thread leads; false once the pool stops.
  bool LeadLocked(const std::shared_ptr<Follower>& self, std::unique_lock<std::mutex>* lock) {
    if (stopping_) return false;
    if (!has_leader_) return has_leader_ = true;
    self->is_leader = false;
    followers_.push_back(self);
    self->called.wait(*lock, [&] { return self->is_leader || stopping_; });
    return self->is_leader;
  }

  // To the thread that served last: its stack and its memory are still in the cache. Null: nobody waits, and the next
  // one that is free will lead.
  std::shared_ptr<Follower> PassLeadershipLocked() {
    if (stopping_ || followers_.empty()) {
      has_leader_ = false;
      if (stopping_) changed_.notify_all();
      return nullptr;
    }
    std::shared_ptr<Follower> next = std::move(followers_.back());
    followers_.pop_back();
    next->is_leader = true;
    return next;
  }

  void CountRequestLocked() {
    if (++served_ == max_requests_) eventfd_write(spent_fd_, 1);
  }

  // Waits for a connection; -1 once the pool stops. Every other failure is waited out: the thread must not be lost.
  int AcceptOne() {
    for (;;) {
      pollfd fds[] = {{listen_fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
      poll(fds, 2, -1);
      if (fds[1].revents != 0) return -1;
      const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd >= 0) return fd;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        Log(LogLevel::kWarn, "cannot accept", {{"error", std::strerror(errno)}});
        poll(&fds[1], 1, 100);
      }
    }
  }

  void ServeOne(int connection, Capacity capacity) {
    std::optional<store::RequestLogRow> row;
    {
      FcgiRequest fcgi(connection, config_);
      if (!fcgi.ok()) return;
      HttpRequest request;
      auto refusal = fcgi.Read(SystemClock(), &request);
      row = relay_->Serve(&request, std::move(refusal), capacity, &fcgi);
    }
    if (row) log_->Add(std::move(*row));
  }

  const Config& config_;
  const int listen_fd_;
  const int max_threads_;
  const int64_t max_requests_;
  Relay* relay_;
  store::LogWriter* log_;
  const int stop_fd_;
  const int spent_fd_;

  std::mutex mutex_;
  std::vector<std::shared_ptr<Follower>> followers_;  // the one that served last is at the end
  std::condition_variable changed_;                   // the leader or a thread is gone
  int threads_ = 0;
  int idle_ = 0;  // threads that serve nothing, the leader among them
  int64_t served_ = 0;
  bool has_leader_ = false;
  bool stopping_ = false;
};

// Waits for a reason to stop, and passes the worker's news to the master.
class Supervisor {
 public:
  Supervisor(const Config& config, MasterLink link, int spent_fd, Health* health)
      : link_(link), spent_fd_(spent_fd), health_(health) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC);
    const int64_t max_age_s = link.exists() ? config.Int(ConfigKey::kWorkerMaxAgeS) : 0;
    if (max_age_s > 0) spent_at_us_ = SystemClock().MonotonicUs() + max_age_s * 1000000;
  }
  ~Supervisor() { close(signal_fd_); }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  enum class Reason { kSignal, kMasterGone };

  Reason Wait() {
    for (;;) {
      pollfd fds[] = {{signal_fd_, POLLIN, 0}, {link_.life_fd, POLLIN, 0}, {spent_ ? -1 : spent_fd_, POLLIN, 0}};
      poll(fds, 3, TimeoutMs());
      if (fds[0].revents != 0) return Reason::kSignal;
      if (fds[1].revents != 0 && !ReadMaster()) return Reason::kMasterGone;
      const bool old = spent_at_us_ != 0 && SystemClock().MonotonicUs() >= spent_at_us_;
      if (!spent_ && link_.exists() && (fds[2].revents != 0 || old)) TellSpent();
    }
  }

  // The process that started the master, when this worker is its heir; empty otherwise.
  const std::string& heir_of() const { return heir_of_; }

 private:
  int TimeoutMs() const {
    if (spent_ || spent_at_us_ == 0) return -1;
    const int64_t left_us = spent_at_us_ - SystemClock().MonotonicUs();
    return left_us <= 0 ? 0 : static_cast<int>(left_us / 1000 + 1);
  }

  void TellSpent() {
    spent_ = true;
    if (write(link_.status_fd, &kWorkerSpent, 1) < 0) Log(LogLevel::kWarn, "the master does not listen");
  }

  // False at the master's end.
  bool ReadMaster() {
    char buffer[4096];
    const ssize_t n = read(link_.life_fd, buffer, sizeof buffer);
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    if (n == 0) {
      Log(LogLevel::kWarn, "the master is gone");
      return false;
    }
    pending_.append(buffer, static_cast<size_t>(n));
    for (size_t end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
      const std::string line = pending_.substr(0, end);
      if (line.starts_with(kConfigErrorLine)) health_->SetConfigError(line.substr(sizeof kConfigErrorLine - 1));
      if (line.starts_with(kHeirLine)) heir_of_ = line.substr(sizeof kHeirLine - 1);
      pending_.erase(0, end + 1);
    }
    return true;
  }

  MasterLink link_;
  int spent_fd_;
  Health* health_;
  int signal_fd_ = -1;
  int64_t spent_at_us_ = 0;  // monotonic; 0: never
  bool spent_ = false;
  std::string pending_;  // of the master's lines
  std::string heir_of_;
};

// Starts another master on the socket. Nobody may stop listening meanwhile: lighttpd connects the moment it sees its
// child dead, and whoever answers is from then on a server of somebody else, which it never starts anew. (Closing the
// socket at once lost that race in 6 of 20 trials under load, and the service stayed down.)
void StartHeir(const Config& config, const WorkerStart& start, const std::string& server_pid) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, start.listen_fd, STDIN_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::string program = start.program;
  std::string option = "--heir=" + server_pid;
  // The accepted configuration, should the file be broken by now; inherited, so without close-on-exec.
  std::string accepted = "--accepted=/proc/self/fd/" + std::to_string(open(config.path().c_str(), O_RDONLY));
  std::string config_option = "-c" + start.config_path;
  char* argv[] = {program.data(), option.data(), accepted.data(),
                  start.config_path.empty() ? nullptr : config_option.data(), nullptr};
  pid_t pid = 0;
  const int error = posix_spawn(&pid, program.c_str(), &files, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  Log(error == 0 ? LogLevel::kWarn : LogLevel::kError, error == 0 ? "another master starts" : "no other master starts",
      {{"pid", std::to_string(pid)}, {"error", error == 0 ? "" : std::strerror(error)}});
}

void BlockAllSignals() {
  sigset_t all;
  sigfillset(&all);
  for (const int fatal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&all, fatal);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

void InitLibfcgi() {
  setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "100", 0);  // ms to wait for the server's close after an answer; else 2 s
  setenv("LIBFCGI_IS_AF_UNIX_KEEPER_POLL_TIMEOUT", "100", 0);
  FCGX_Init();
  signal(SIGPIPE, SIG_IGN);  // after FCGX_Init, which sets a handler of its own that interrupts calls
}

}  // namespace

int RunWorker(const Config& config, const WorkerStart& start) {
  const MasterLink link = start.link;
  BlockAllSignals();
  // What was inherited for this process is for it alone: an heir that kept the socket twice would pass it on to workers
  // that could never close it.
  if (link.exists()) close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  InitLibfcgi();
  fcntl(start.listen_fd, F_SETFL,
        fcntl(start.listen_fd, F_GETFL) | O_NONBLOCK);  // another worker may be quicker to accept
  const auto hasher = KeyHasher::Load(config.Text(ConfigKey::kSecretSaltFile));
  if (!hasher.ok()) {
    Log(LogLevel::kError, hasher.error().message);
    return EX_CONFIG;
  }
  if (const auto curl = LoadCurl(); !curl.ok()) {
    Log(LogLevel::kError, curl.error().message);
    return EX_SOFTWARE;
  }
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_setattr_default_np(&attributes);

  store::LogWriter log(store::LogWriterOptionsFrom(config));
  GeminiClient gemini(config);
  MediaClient media(config);
  store::QuotaKeeper quota(config.Text(ConfigKey::kDatabaseStatePath), store::WriteTime::kAtOnce);
  Health health(config, SystemClock(), &log, &quota, start.master_started_unix_ms);
  store::SignatureKeeper signatures(store::SignatureKeeperOptionsFrom(config), store::WriteTime::kAtOnce);
  Relay relay(config, SystemClock(), *hasher, gemini, media, health, signatures, quota);
  ThreadPool threads(config, start.listen_fd, link, &relay, &log);
  threads.Start();
  // Should the master be dead already, the supervisor finds out and lets what was accepted end.
  if (link.exists() && write(link.status_fd, &kWorkerReady, 1) != 1) Log(LogLevel::kWarn, "the master does not listen");
  Log(LogLevel::kInfo, "worker serves");

  Supervisor supervisor(config, link, threads.spent_fd(), &health);
  const Supervisor::Reason reason = supervisor.Wait();
  if (reason == Supervisor::Reason::kMasterGone && !supervisor.heir_of().empty())
    StartHeir(config, start, supervisor.heir_of());
  // An operator or systemd may have signalled this worker alone: without a word the master would count on it until its
  // last stream has ended.
  if (reason == Supervisor::Reason::kSignal && link.exists() && write(link.status_fd, &kWorkerLeaving, 1) != 1)
    Log(LogLevel::kWarn, "the master does not listen");
  threads.StopAccepting();
  close(start.listen_fd);
  bool idle = threads.WaitIdle(config.Int(ConfigKey::kProcessDrainS));
  if (!idle) {
    media.Stop();
    gemini.Stop();  // each stream that is still open ends with an error of its protocol
    idle = threads.WaitIdle(kLastWordsS);
  }
  log.Stop();
  signatures.Stop();
  quota.Stop();
  Log(LogLevel::kInfo, idle ? "worker ends" : "worker ends with requests still running");
  _exit(EX_OK);  // threads that still run use what this function owns
}

}  // namespace gc
