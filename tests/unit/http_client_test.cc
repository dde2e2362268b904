// http_client_test.cc: HTTP calls against servers that answer well, badly, late or not at all.
// SPDX-License-Identifier: MIT
#include "base/http_client.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <latch>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/raw_server.h"

namespace gc {
namespace {

constexpr int64_t kLongMs = 20000;  // longer than any test: a wait of this length is a failure
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

HttpClientOptions Options() {
  HttpClientOptions options;
  options.first_byte_timeout_ms = kLongMs;
  options.idle_timeout_ms = kLongMs;
  options.ca_path = "/etc/ssl/certs";
  return options;
}

// Remembers everything; the hooks say when to cancel.
class Recorder : public HttpObserver {
 public:
  bool OnHead(int s, const HttpFields& h) override {
    ++heads;
    status = s;
    headers = h;
    return on_head();
  }
  bool OnBody(std::string_view bytes) override {
    body += bytes;
    return on_body();
  }
  bool OnWait() override {
    ++waits;
    return on_wait();
  }
  bool OnEnd() override { return on_end(); }

  static bool Continue() { return true; }
  static bool Cancel() { return false; }
  std::function<bool()> on_head = Continue;
  std::function<bool()> on_body = Continue;
  std::function<bool()> on_wait = Continue;
  std::function<bool()> on_end = Continue;
  int heads = 0;
  int waits = 0;
  int status = 0;
  HttpFields headers;
  std::string body;
};

Status Get(HttpClient* client, const std::string& url, Recorder* recorder, int watch_fd = -1,
           int64_t tick_ms = kLongMs) {
  HttpCall call;
  call.method = "GET";
  call.url = url;
  return client->Perform(call, recorder, watch_fd, tick_ms);
}

// Answers every request of every connection with the same bytes.
RawServer::Handler Always(const std::string& answer) {
  return [answer](RawPeer* peer) {
    while (!peer->ReadRequest().empty()) peer->Write(answer);
  };
}

// Answers with what it was asked.
void Echo(RawPeer* peer) {
  for (std::string request; !(request = peer->ReadRequest()).empty();) {
    peer->Write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(request.size()) + "\r\n\r\n" + request);
  }
}

// Answers once, then closes.
RawServer::Handler Once(const std::string& answer) {
  return [answer](RawPeer* peer) {
    peer->ReadRequest();
    peer->Write(answer);
  };
}

bool IsReady(std::future<void>* future) {
  return future->wait_for(std::chrono::milliseconds(kLongMs)) == std::future_status::ready;
}

TEST(HttpClient, AnswersOfEveryFraming) {
  const std::string large(100000, 'x');
  const struct {
    const char* name;
    std::string answer;
    int status;
    std::string body;
  } cases[] = {
      {"length", std::string(kOk), 200, "ok"},
      {"chunks",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\nTrailer: t\r\n\r\n", 200,
       "abc"},
      {"until close", "HTTP/1.1 200 OK\r\n\r\nabc", 200, "abc"},
      {"no body", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
      {"large", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + large, 200, large},
      {"a refusal is an answer", "HTTP/1.1 429 Too Many\r\nContent-Length: 4\r\n\r\nslow", 429, "slow"},
      {"a failing server too", "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 503, ""},
      {"redirects are not followed", "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n", 302, ""},
      {"interim answers are skipped",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Hint: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
       "2\r\n\r\nok",
       200, "ok"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    RawServer server(Once(c.answer));
    HttpClient client(Options());
    Recorder got;
    const Status status = Get(&client, server.Url("/"), &got);
    EXPECT_TRUE(status.ok()) << status.error().message;
    EXPECT_EQ(got.heads, 1);
    EXPECT_EQ(got.status, c.status);
    EXPECT_EQ(got.body, c.body);
    EXPECT_EQ(server.connections(), 1);
    for (const auto& [name, value] : got.headers) EXPECT_NE(name, "x-hint");
  }
}

TEST(HttpClient, HeaderNamesAreLowerCase) {
  RawServer server(
      Once("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-MiXed_Name: Value: With Colon\r\nx-empty:\r\nX-Tab:\t v\r\n"
           "Set-Cookie: a\r\nset-cookie: b\r\n\r\n"));
  HttpClient client(Options());
  Recorder got;
  ASSERT_TRUE(Get(&client, server.Url("/"), &got).ok());
  const HttpFields want = {{"content-length", "0"}, {"x-mixed_name", "Value: With Colon"},
                           {"x-empty", ""},         {"x-tab", "v"},
                           {"set-cookie", "a"},     {"set-cookie", "b"}};
  EXPECT_EQ(got.headers, want);
}

// One connection for all: a method or body of the call before must not shine through.
TEST(HttpClient, RequestsAsTheyStandOnTheWire) {
  const struct {
    const char* name;
    const char* method;
    std::string body;
    HttpFields headers;
    std::string after_host;  // the request's headers after Host and Accept, and its body
  } cases[] = {
      {"GET", "GET", "", {{"x-a", "1"}}, "x-a: 1\r\n\r\n"},
      {"POST",
       "POST",
       std::string("{\0}", 3),
       {{"content-type", "application/json"}},
       "content-type: application/json\r\nContent-Length: 3\r\n\r\n{" + std::string(1, '\0') + "}"},
      {"GET after POST", "GET", "", {}, "\r\n"},
      {"POST without a type", "POST", "x", {}, "Content-Length: 1\r\n\r\nx"},
      {"POST without a body", "POST", "", {}, "Content-Length: 0\r\n\r\n"},
      {"DELETE", "DELETE", "", {}, "\r\n"},
      {"DELETE with a body", "DELETE", "d", {}, "Content-Length: 1\r\n\r\nd"},
      {"PATCH", "PATCH", "p", {}, "Content-Length: 1\r\n\r\np"},
      {"PUT", "PUT", "u", {}, "Content-Length: 1\r\n\r\nu"},
      {"GET with a body", "GET", "g", {}, "Content-Length: 1\r\n\r\ng"},
      {"GET after all", "GET", "", {}, "\r\n"},
      {"large body, no Expect",
       "POST",
       std::string(2000000, 'b'),
       {},
       "Content-Length: 2000000\r\n\r\n" + std::string(2000000, 'b')},
  };
  RawServer server(Echo);
  HttpClient client(Options());
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    HttpCall call;
    call.method = c.method;
    call.url = server.Url("/v1beta/models/a:b?x=%2F1&y");
    call.headers = c.headers;
    call.body = c.body;
    Recorder got;
    ASSERT_TRUE(client.Perform(call, &got, -1, kLongMs).ok());
    const std::string want = std::string(c.method) + " /v1beta/models/a:b?x=%2F1&y HTTP/1.1\r\nHost: 127.0.0.1:" +
                             std::to_string(server.port()) + "\r\nAccept: */*\r\n" + c.after_host;
    EXPECT_TRUE(got.body == want) << got.body.substr(0, 300) << "\nwanted\n" << want.substr(0, 300);
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, ReusesTheWarmConnection) {
  RawServer server(Always(std::string(kOk)));
  HttpClient client(Options());
  for (int i = 0; i < 5; ++i) {
    Recorder got;
    ASSERT_TRUE(Get(&client, server.Url("/"), &got).ok());
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, KeepsNoMoreIdleConnectionsThanAllowed) {
  RawServer server(Always(std::string(kOk)));
  HttpClientOptions options = Options();
  options.max_idle_connections = 0;
  HttpClient client(options);
  for (int i = 0; i < 3; ++i) {
    Recorder got;
    ASSERT_TRUE(Get(&client, server.Url("/"), &got).ok());
  }
  EXPECT_EQ(server.connections(), 3);
}

TEST(HttpClient, SurvivesAServerThatClosesIdleConnections) {
  RawServer server(Once(std::string(kOk)));  // says nothing of closing, and closes
  HttpClient client(Options());
  for (int i = 0; i < 20; ++i) {
    HttpCall call;
    call.method = "POST";
    call.url = server.Url("/");
    call.body = "x";
    Recorder got;
    const Status status = client.Perform(call, &got, -1, kLongMs);
    ASSERT_TRUE(status.ok()) << i << ": " << status.error().message;
    EXPECT_EQ(got.body, "ok");
  }
  EXPECT_EQ(server.connections(), 20);
}

TEST(HttpClient, CallsAtTheSameTimeHaveTheirOwnConnections) {
  std::latch both_arrived(2);
  RawServer server([&](RawPeer* peer) {
    while (!peer->ReadRequest().empty()) {
      if (!both_arrived.try_wait()) both_arrived.arrive_and_wait();
      peer->Write(kOk);
    }
  });
  HttpClient client(Options());
  const auto call = [&] {
    Recorder got;
    EXPECT_TRUE(Get(&client, server.Url("/"), &got).ok());
    EXPECT_EQ(got.body, "ok");
  };
  std::thread other(call);
  call();
  other.join();
  EXPECT_EQ(server.connections(), 2);
  call();
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, CutOrForeignAnswersAreIo) {
  const struct {
    const char* name;
    std::string answer;
    std::string body;  // what the observer still got
  } cases[] = {
      {"nothing at all", "", ""},
      {"half a head", "HTTP/1.1 200 OK\r\nContent-", ""},
      {"less than its length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "half"},
      {"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "half"},
      {"half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf", "half"},
      {"chunk size that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n", ""},
      {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n", ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    RawServer server(Once(c.answer));
    HttpClient client(Options());
    Recorder got;
    const Status status = Get(&client, server.Url("/"), &got);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kIo) << status.error().message;
    EXPECT_EQ(got.body, c.body);
  }
}

TEST(HttpClient, UnreachableServers) {
  RawServer not_tls([](RawPeer* peer) { peer->Write("HTTP/1.1 400 Bad Request\r\n\r\n"); });
  RawServer silent([](RawPeer* peer) {
    while (!peer->WaitForClose()) continue;
  });
  const struct {
    const char* name;
    std::string url;
    int64_t connect_timeout_ms;
  } cases[] = {
      {"refused", "http://127.0.0.1:" + std::to_string(UnusedPort()) + "/", kLongMs},
      {"no TLS", "https://127.0.0.1:" + std::to_string(not_tls.port()) + "/", kLongMs},
      {"no answer to TLS", "https://127.0.0.1:" + std::to_string(silent.port()) + "/", 60},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    HttpClientOptions options = Options();
    options.connect_timeout_ms = c.connect_timeout_ms;
    HttpClient client(options);
    Recorder got;
    const Status status = Get(&client, c.url, &got);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kUnreachable) << status.error().message;
    EXPECT_EQ(got.heads, 0);
  }
}

TEST(HttpClient, RefusesOtherSchemes) {
  HttpClient client(Options());
  for (const char* url : {"file:///etc/hostname", "ftp://127.0.0.1/", "gopher://127.0.0.1/"}) {
    Recorder got;
    EXPECT_FALSE(Get(&client, url, &got).ok()) << url;
    EXPECT_EQ(got.body, "") << url;
  }
}

TEST(HttpClient, SilenceIsATimeout) {
  const struct {
    const char* name;
    std::string before;  // what the server says before it falls silent
    int64_t first_byte_ms;
    int64_t idle_ms;
  } cases[] = {
      {"before the head", "", 60, kLongMs},
      {"inside the head", "HTTP/1.1 200 OK\r\nX-A: 1\r\n", 60, kLongMs},
      {"after an interim answer", "HTTP/1.1 100 Continue\r\n\r\n", 60, kLongMs},
      {"after the head", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", kLongMs, 60},
      {"inside the body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", kLongMs, 60},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::promise<void> closed;
    auto is_closed = closed.get_future();
    RawServer server([&](RawPeer* peer) {
      peer->ReadRequest();
      peer->Write(c.before);
      peer->WaitForClose();
      closed.set_value();
    });
    HttpClientOptions options = Options();
    options.first_byte_timeout_ms = c.first_byte_ms;
    options.idle_timeout_ms = c.idle_ms;
    HttpClient client(options);
    Recorder got;
    const auto start = std::chrono::steady_clock::now();
    const Status status = Get(&client, server.Url("/"), &got);
    const auto took = std::chrono::steady_clock::now() - start;
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kTimeout) << status.error().message;
    EXPECT_GE(took, std::chrono::milliseconds(60));
    EXPECT_LT(took, std::chrono::milliseconds(kLongMs / 2));
    EXPECT_TRUE(IsReady(&is_closed)) << "the client keeps a dead connection";
  }
}

TEST(HttpClient, ASlowStreamIsNotSilent) {
  // Twice the idle timeout in all, but a tenth of it between two bytes.
  RawServer server([](RawPeer* peer) {
    peer->ReadRequest();
    peer->Write("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
    for (int i = 0; i < 20; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      peer->Write("x");
    }
  });
  HttpClientOptions options = Options();
  options.first_byte_timeout_ms = 500;
  options.idle_timeout_ms = 500;
  HttpClient client(options);
  Recorder got;
  const Status status = Get(&client, server.Url("/"), &got);
  EXPECT_TRUE(status.ok()) << status.error().message;
  EXPECT_EQ(got.body.size(), 20U);
}

TEST(HttpClient, CancelClosesTheConnectionAtOnce) {
  const struct {
    const char* name;
    std::function<bool()> Recorder::*hook;
    std::string sent;
  } cases[] = {
      {"at the head", &Recorder::on_head, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"},
      {"in the body", &Recorder::on_body, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"},
      {"while waiting for the head", &Recorder::on_wait, ""},
      {"while waiting for more", &Recorder::on_wait, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::promise<void> closed;
    auto is_closed = closed.get_future();
    std::atomic<int> calls = 0;
    RawServer server([&](RawPeer* peer) {
      if (++calls > 1) return Once(std::string(kOk))(peer);
      peer->ReadRequest();
      peer->Write(c.sent);
      EXPECT_TRUE(peer->WaitForClose());
      closed.set_value();
    });
    HttpClient client(Options());
    Recorder got;
    got.*c.hook = Recorder::Cancel;
    const Status status = Get(&client, server.Url("/"), &got, -1, 10);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kCancelled) << status.error().message;
    EXPECT_TRUE(IsReady(&is_closed));
    Recorder next;
    EXPECT_TRUE(Get(&client, server.Url("/"), &next).ok()) << "the next call starts afresh";
    EXPECT_EQ(next.body, "ok");
    EXPECT_EQ(server.connections(), 2);
  }
}

// Calls that run together: one observer for each target.
Status GetAll(HttpClient* client, const RawServer& server, const std::vector<std::string>& targets,
              std::deque<Recorder>* recorders, int64_t tick_ms = kLongMs) {
  std::vector<HttpCall> calls;
  std::vector<HttpObserver*> observers;
  recorders->resize(targets.size());
  for (size_t i = 0; i < targets.size(); ++i) {
    HttpCall call;
    call.method = "GET";
    call.url = server.Url(targets[i]);
    calls.push_back(call);
    observers.push_back(&(*recorders)[i]);
  }
  return client->PerformAll(calls, observers, -1, tick_ms);
}

TEST(HttpClientAll, RunAtTheSameTimeAndEachObserverHearsItsOwn) {
  std::latch all_asked(3);
  RawServer server([&](RawPeer* peer) {
    for (std::string request; !(request = peer->ReadRequest()).empty();) {
      const std::string target = request.substr(4, 2);
      if (target != "/n") all_asked.arrive_and_wait();
      peer->Write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + target);
    }
  });
  HttpClient client(Options());
  std::deque<Recorder> got;
  const Status status = GetAll(&client, server, {"/a", "/b", "/c"}, &got);
  ASSERT_TRUE(status.ok()) << status.error().message;
  EXPECT_EQ(got[0].body + got[1].body + got[2].body, "/a/b/c");
  EXPECT_EQ(server.connections(), 3);
  Recorder next;
  EXPECT_TRUE(Get(&client, server.Url("/n"), &next).ok());
  EXPECT_EQ(server.connections(), 3) << "one connection stayed warm";
}

TEST(HttpClientAll, OneThatFailsCancelsTheOthersAtOnce) {
  const struct {
    const char* name;
    std::function<bool()> Recorder::*hook;  // of the bad call; null: it fails by itself
    std::string answer;                     // to it
    ErrorKind kind;
  } cases[] = {
      {"cut", nullptr, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", ErrorKind::kIo},
      {"cancelled at the head", &Recorder::on_head, std::string(kOk), ErrorKind::kCancelled},
      {"cancelled in the body", &Recorder::on_body, std::string(kOk), ErrorKind::kCancelled},
      {"cancelled at its end", &Recorder::on_end, std::string(kOk), ErrorKind::kCancelled},
      {"cancelled while waiting", &Recorder::on_wait, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
       ErrorKind::kCancelled},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::latch others_run(2);
    std::latch others_closed(2);
    const bool waits = c.hook == &Recorder::on_wait;
    RawServer server([&](RawPeer* peer) {
      if (peer->ReadRequest().starts_with("GET /bad")) {
        others_run.wait();
        peer->Write(c.answer);
        if (waits) peer->WaitForClose();
        return;
      }
      peer->Write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
      others_run.count_down();
      EXPECT_TRUE(peer->WaitForClose());
      others_closed.count_down();
    });
    HttpClient client(Options());
    std::deque<Recorder> got(3);
    if (c.hook != nullptr) got[1].*c.hook = [&] { return !others_run.try_wait(); };
    // Only that case may tick.
    const Status status = GetAll(&client, server, {"/", "/bad", "/"}, &got, waits ? 10 : kLongMs);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, c.kind) << status.error().message;
    others_run.wait();
    others_closed.wait();
  }
}

TEST(HttpClientAll, TheLastEndLeavesNothingToCancel) {
  RawServer server(Once(std::string(kOk)));
  HttpClient client(Options());
  std::deque<Recorder> got(1);
  got[0].on_end = Recorder::Cancel;
  EXPECT_TRUE(GetAll(&client, server, {"/"}, &got).ok());
}

// An observer that is busy for longer than the limit must not make the call beside it look silent.
TEST(HttpClientAll, ABusyObserverIsNotSilenceOfTheOtherCall) {
  std::latch busy(1);
  RawServer server([&](RawPeer* peer) {
    const bool slow = peer->ReadRequest().starts_with("GET /b");
    if (slow) busy.wait();
    peer->Write(kOk);
  });
  HttpClientOptions options = Options();
  options.first_byte_timeout_ms = 300;
  HttpClient client(options);
  std::deque<Recorder> got(2);
  got[0].on_head = [&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    busy.count_down();
    return true;
  };
  const Status status = GetAll(&client, server, {"/a", "/b"}, &got);
  EXPECT_TRUE(status.ok()) << status.error().message;
}

TEST(HttpClient, TicksWhileItWaits) {
  std::promise<void> ticked;
  auto has_ticked = ticked.get_future();
  RawServer server([&](RawPeer* peer) {
    peer->ReadRequest();
    if (IsReady(&has_ticked)) peer->Write(kOk);
  });
  HttpClient client(Options());
  Recorder got;
  got.on_wait = [&] {
    if (got.waits == 3) ticked.set_value();
    return true;
  };
  ASSERT_TRUE(Get(&client, server.Url("/"), &got, -1, 10).ok());
  EXPECT_GE(got.waits, 3);
}

// A connection that is never quiet for a whole tick may still bring nothing that keeps a client awake.
TEST(HttpClient, TicksWhileBytesTrickleIn) {
  std::atomic<bool> ticked = false;
  RawServer server([&](RawPeer* peer) {
    peer->ReadRequest();
    peer->Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 1000 && !ticked; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      peer->Write("1\r\nx\r\n");
    }
    peer->Write("0\r\n\r\n");
  });
  HttpClient client(Options());
  Recorder got;
  got.on_wait = [&] { return ticked = true; };
  ASSERT_TRUE(Get(&client, server.Url("/"), &got, -1, 500).ok());
  EXPECT_TRUE(ticked);
}

class HttpClientWatchTest : public testing::Test {
 protected:
  HttpClientWatchTest() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair_), 0); }
  ~HttpClientWatchTest() override {
    close(pair_[0]);
    if (pair_[1] >= 0) close(pair_[1]);
  }
  int pair_[2];
};

TEST_F(HttpClientWatchTest, AReadableDescriptorWakesOnce) {
  std::promise<void> woken;
  auto is_woken = woken.get_future();
  RawServer server([&](RawPeer* peer) {
    peer->ReadRequest();
    if (IsReady(&is_woken)) peer->Write(kOk);
  });
  HttpClient client(Options());
  Recorder got;
  got.on_wait = [&] {
    if (got.waits == 1) woken.set_value();
    return true;
  };
  ASSERT_EQ(write(pair_[1], "x", 1), 1);
  ASSERT_TRUE(Get(&client, server.Url("/"), &got, pair_[0]).ok());
  EXPECT_EQ(got.waits, 1) << "a descriptor that stays readable must not spin";
}

TEST_F(HttpClientWatchTest, AClosedPeerWakesAndCancels) {
  std::promise<void> closed;
  auto is_closed = closed.get_future();
  RawServer server([&](RawPeer* peer) {
    peer->ReadRequest();
    close(std::exchange(pair_[1], -1));  // while the call waits for its answer
    EXPECT_TRUE(peer->WaitForClose());
    closed.set_value();
  });
  HttpClient client(Options());
  Recorder got;
  got.on_wait = Recorder::Cancel;
  const Status status = Get(&client, server.Url("/"), &got, pair_[0]);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kCancelled) << status.error().message;
  EXPECT_TRUE(IsReady(&is_closed));
}

TEST_F(HttpClientWatchTest, AQuietDescriptorDoesNotWake) {
  RawServer server(Always(std::string(kOk)));
  HttpClient client(Options());
  Recorder got;
  ASSERT_TRUE(Get(&client, server.Url("/"), &got, pair_[0]).ok());
  EXPECT_EQ(got.waits, 0);
}

TEST(HttpClient, GoesToTheAddressesItIsGiven) {
  RawServer server(Echo);
  const std::string port = std::to_string(server.port());
  for (const char* addresses : {"127.0.0.1", "[::1],127.0.0.1"}) {  // nobody listens at ::1
    HttpClient client(Options());
    HttpCall call;
    call.method = "GET";
    call.url = "http://name.invalid:" + port + "/";
    call.resolved = "name.invalid:" + port + ":" + addresses;
    Recorder got;
    const Status status = client.Perform(call, &got, -1, kLongMs);
    ASSERT_TRUE(status.ok()) << status.error().message;
    EXPECT_NE(got.body.find("Host: name.invalid:" + port), std::string::npos) << got.body;
  }
}

TEST(HttpClient, TotalTimeIsLimited) {
  std::atomic<bool> ends = false;
  RawServer server([&](RawPeer* peer) {
    peer->ReadRequest();
    peer->Write("HTTP/1.1 200 OK\r\n\r\n");
    while (!ends) {  // never silent for long
      peer->Write("x");
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  HttpClient client(Options());
  HttpCall call;
  call.method = "GET";
  call.url = server.Url("/");
  call.total_timeout_ms = 100;
  Recorder got;
  const Status status = client.Perform(call, &got, -1, kLongMs);
  ends = true;
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kTimeout);
  EXPECT_EQ(got.status, 200);
}

TEST(HttpClient, OnlyItsOwnProxyCounts) {
  RawServer server(Echo);
  const std::string nobody = "http://127.0.0.1:" + std::to_string(UnusedPort());
  for (const char* name : {"http_proxy", "all_proxy"}) setenv(name, nobody.c_str(), 1);
  Recorder direct;
  HttpClient without(Options());
  const Status status = Get(&without, server.Url("/direct"), &direct);
  EXPECT_TRUE(status.ok()) << status.error().message;
  EXPECT_TRUE(direct.body.starts_with("GET /direct HTTP/1.1\r\n")) << direct.body;

  HttpClientOptions options = Options();
  options.proxy = server.Url("");
  HttpClient with(options);
  Recorder proxied;
  EXPECT_TRUE(Get(&with, "http://192.0.2.1/far", &proxied).ok());
  EXPECT_TRUE(proxied.body.starts_with("GET http://192.0.2.1/far HTTP/1.1\r\n")) << proxied.body;
  for (const char* name : {"http_proxy", "all_proxy"}) unsetenv(name);
}

}  // namespace
}  // namespace gc
