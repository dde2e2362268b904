// cgi.cc: the CGI way in and out.
// SPDX-License-Identifier: MIT
#include "handler/cgi.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>

#include "base/clock.h"
#include "base/key_hash.h"
#include "base/log.h"
#include "handler/body.h"
#include "handler/gemini_client.h"
#include "handler/health.h"
#include "handler/relay.h"
#include "store/log_writer.h"
#include "store/signature_keeper.h"

extern char** environ;

namespace gc {
namespace {

// lighttpd's cgi.limits tcp-fin-propagate and Apache send SIGTERM when the client has left.
volatile sig_atomic_t client_left = 0;
int client_left_fd = -1;

void OnTerm(int /*signal*/) {
  client_left = 1;
  const int saved = errno;
  eventfd_write(client_left_fd, 1);
  errno = saved;
}

// Answers on fd 1.
class CgiSink final : public ResponseSink {
 public:
  void Start(int status, const HttpHeaders& headers) override { pending_ += CgiHead(status, headers); }
  bool Write(std::string_view bytes) override {
    pending_ += bytes;
    bytes_written_ += static_cast<int64_t>(bytes.size());
    return pending_.size() < kMaxPending ? !gone_ : Flush();
  }
  bool Flush() override {
    // A SIGTERM that comes after the last byte is no loss: lighttpd sends one to a program that outlives its answer.
    gone_ = gone_ || client_left != 0;
    for (size_t sent = 0; !gone_ && sent < pending_.size();) {
      const ssize_t n = write(STDOUT_FILENO, pending_.data() + sent, pending_.size() - sent);
      if (n > 0) sent += static_cast<size_t>(n);
      gone_ = n < 0 && (errno != EINTR || client_left != 0);
    }
    pending_.clear();
    return !gone_;
  }
  void Abort() override { gone_ = true; }  // the server takes any end of this process for the end of the answer
  int WatchFd() const override { return client_left_fd; }
  bool ClientGone() override {
    gone_ = gone_ || client_left != 0;
    return gone_;
  }
  int64_t bytes_written() const override { return bytes_written_; }

 private:
  static constexpr size_t kMaxPending = 65536;
  std::string pending_;
  int64_t bytes_written_ = 0;
  bool gone_ = false;
};

void WatchForTerm() {
  client_left_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action {};
  action.sa_handler = OnTerm;  // without SA_RESTART: a write that blocks has to end
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

// The server waits for end of file on our output: after this it has the whole answer, and we are on our own time.
void EndAnswer() {
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, nullptr);
  // Not just closed: the database's files must not get these numbers, or a late message would be written into them.
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, fd);
}

}  // namespace

int RunCgi(const Config& config) {
  WatchForTerm();
  const auto hasher = KeyHasher::Load(config.Text(ConfigKey::kSecretSaltFile));
  if (!hasher.ok()) {
    Log(LogLevel::kError, hasher.error().message);
    return EX_CONFIG;
  }
  Clock& clock = SystemClock();
  HttpRequest request;
  request.received_unix_ms = clock.UnixMs();
  request.received_monotonic_us = clock.MonotonicUs();
  request.id = UuidV7(clock);
  auto refusal = ReadCgiHead(environ, &request);
  const auto max_bytes = static_cast<size_t>(config.Int(ConfigKey::kRequestMaxBodyBytes));
  auto wrong_body = ReadBody(max_bytes, &request, [](char* buffer, size_t size) -> long {
    ssize_t n = 0;
    do n = read(STDIN_FILENO, buffer, size);
    while (n < 0 && errno == EINTR && client_left == 0);
    return n;
  });
  if (!refusal) refusal = std::move(wrong_body);

  GeminiClient gemini(config);
  MediaClient media(config);
  Health health(config, clock, nullptr, nullptr, 0);
  store::SignatureKeeper signatures(store::SignatureKeeperOptionsFrom(config), store::WriteTime::kAtStop);
  store::QuotaKeeper quota(config.Text(ConfigKey::kDatabaseStatePath), store::WriteTime::kAtStop);
  Relay relay(config, clock, *hasher, gemini, media, health, signatures, quota);
  CgiSink sink;
  const auto row = relay.Serve(&request, std::move(refusal), Capacity::kFree, &sink);
  sink.Flush();
  EndAnswer();
  signatures.Stop();  // first: the client's next turn may come any moment, and only signatures are of use to it
  quota.Stop();
  if (row) store::WriteOnce(store::LogWriterOptionsFrom(config), *row);
  return EX_OK;
}

}  // namespace gc
