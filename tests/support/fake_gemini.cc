// fake_gemini.cc: the listening socket and the threads.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>

#include "support/fake_gemini_session.h"

namespace gc::test {
namespace {

constexpr size_t kMaxConnections = 4096;
constexpr rlim_t kWantedFiles = 2 * kMaxConnections + 256;
constexpr size_t kStackBytes = 1 << 20;
constexpr int kBacklog = 1024;

void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kWantedFiles) return;
  limit.rlim_cur = std::min(limit.rlim_max, kWantedFiles);
  setrlimit(RLIMIT_NOFILE, &limit);
}

Error SystemError(std::string_view what) { return {ErrorKind::kIo, std::string(what) + ": " + std::strerror(errno)}; }

}  // namespace

struct FakeGemini::Server {
  fake::State state;
  int listen_fd = -1;
  int port = 0;
  std::thread acceptor;
  std::mutex mutex;
  std::condition_variable one_less;
  std::set<fake::Connection*> live;
  bool stopping = false;
  int64_t accepted = 0;

  Status Listen(int wanted_port);
  void AcceptLoop();
  void StartSession(int fd);
  void RunSession(fake::Connection* connection, int64_t number);
  void Stop();
};

Status FakeGemini::Server::Listen(int wanted_port) {
  RaiseFileLimit();
  listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listen_fd < 0) return SystemError("socket");
  const int on = 1;
  setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(wanted_port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listen_fd, generic, size) != 0 || listen(listen_fd, kBacklog) != 0 ||
      getsockname(listen_fd, generic, &size) != 0) {
    const Error error = SystemError("listen on port " + std::to_string(wanted_port));
    close(listen_fd);
    listen_fd = -1;
    return error;
  }
  port = ntohs(address.sin_port);
  return {};
}

void FakeGemini::Server::AcceptLoop() {
  for (;;) {
    const int fd = accept4(listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) {
      StartSession(fd);
    } else if (errno != EINTR && errno != ECONNABORTED && errno != EMFILE) {
      return;  // Stop() shut the socket down
    }
  }
}

// std::thread cannot have a small stack, and thousands of connections need one.
void FakeGemini::Server::StartSession(int fd) {
  struct Job {
    Server* server;
    fake::Connection* connection;
    int64_t number;
  };
  auto connection = std::make_unique<fake::Connection>(fd);
  auto job = std::make_unique<Job>();
  {
    const std::lock_guard lock(mutex);
    if (stopping || live.size() >= kMaxConnections) return;
    live.insert(connection.get());
    *job = {this, connection.release(), ++accepted};
  }
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread{};
  const auto body = [](void* argument) -> void* {
    const std::unique_ptr<Job> mine(static_cast<Job*>(argument));
    mine->server->RunSession(mine->connection, mine->number);
    return nullptr;
  };
  Job* raw = job.get();
  if (pthread_create(&thread, &attributes, body, raw) == 0) {
    (void)job.release();  // the thread owns it
  } else {
    const std::lock_guard lock(mutex);
    live.erase(raw->connection);
    delete raw->connection;
  }
  pthread_attr_destroy(&attributes);
}

void FakeGemini::Server::RunSession(fake::Connection* connection, int64_t number) {
  fake::Session(&state, connection, number).Run();
  const std::lock_guard lock(mutex);
  live.erase(connection);
  delete connection;
  one_less.notify_all();
}

void FakeGemini::Server::Stop() {
  if (listen_fd < 0) return;
  std::unique_lock lock(mutex);
  stopping = true;
  shutdown(listen_fd, SHUT_RDWR);
  for (fake::Connection* connection : live) connection->Shutdown();
  one_less.wait(lock, [this] { return live.empty(); });
  lock.unlock();
  acceptor.join();
  close(listen_fd);
  listen_fd = -1;
}

FakeGemini::FakeGemini() : server_(std::make_unique<Server>()) {}
FakeGemini::~FakeGemini() { Stop(); }

Status FakeGemini::Start(int port) {
  if (server_->listen_fd >= 0) return Error{ErrorKind::kExists, "the fake listens already"};
  if (Status status = server_->Listen(port); !status.ok()) return status;
  server_->stopping = false;
  server_->acceptor = std::thread([server = server_.get()] { server->AcceptLoop(); });
  return {};
}

void FakeGemini::Stop() { server_->Stop(); }
int FakeGemini::port() const { return server_->port; }
std::string FakeGemini::base_url() const { return "http://127.0.0.1:" + std::to_string(port()); }

Status FakeGemini::RecordTo(const std::string& file) {
  if (server_->state.journal.RecordTo(file)) return {};
  return Error{ErrorKind::kIo, "cannot write " + file};
}

Status FakeGemini::AddAnswers(std::string json_text) {
  auto answers = fake::ParseCanned(std::move(json_text));
  if (!answers.ok()) return answers.error();
  server_->state.director.AddCanned(std::move(*answers));
  return {};
}

Status FakeGemini::SetDirective(std::string words, int64_t times) {
  return server_->state.director.SetDirective(std::move(words), times);
}

void FakeGemini::Release(const std::string& name) { server_->state.doors.Release(name); }
std::vector<FakeGemini::Event> FakeGemini::Events(int64_t after_seq) const {
  return server_->state.journal.Events(after_seq);
}
std::vector<FakeGemini::Record> FakeGemini::Requests() const { return server_->state.journal.Requests(); }

std::optional<FakeGemini::Event> FakeGemini::WaitFor(std::string_view type, std::string_view tag, int64_t after_seq,
                                                     int64_t timeout_ms) {
  return server_->state.journal.WaitFor(type, tag, after_seq, timeout_ms);
}

void FakeGemini::Reset() {
  server_->state.journal.Clear();
  server_->state.doors.Close();
  server_->state.director.Clear();
}

}  // namespace gc::test
