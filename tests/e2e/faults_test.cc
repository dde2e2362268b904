// faults_test.cc: a bad upstream and a bad database: a clear answer, one row or spool line, and the next request works.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "e2e/calls.h"
#include "support/raw_server.h"

namespace gc::test {
namespace {

struct Fault {
  std::string name;
  std::string directive;
  int status;              // of the chat answer; also of a stream, for nothing of it reached the client
  std::string error_type;  // in the row
};

class Upstream : public testing::TestWithParam<Mount> {};
INSTANTIATE_TEST_SUITE_P(Mounts, Upstream, testing::ValuesIn(kAllMounts), MountName);

TEST_P(Upstream, FaultsAreToldInTheCallersProtocol) {
  GatewayOptions options{.mount = GetParam()};
  options.config = {{"upstream.first_byte_timeout_s", "1"}, {"upstream.idle_timeout_s", "1"}};
  Gateway gateway(options);
  const Fault faults[] = {
      {"silent", "silent", 504, "upstream_timeout"},
      {"html", "html", 502, "upstream_bad_response"},
      {"drop", "drop", 502, "upstream_interrupted"},
      {"bad json", "bad_json", 502, "upstream_bad_response"},
      {"overloaded", "error=overloaded", 503, "upstream_overloaded"},
      {"server error", "status=500", 502, "upstream_error"},
      {"per day", "error=rpd", 429, "quota_exhausted"},
      {"per minute", "error=rpm", 429, "rate_limited"},
      {"cut", "cut_bytes=40", 502, "upstream_interrupted"},
  };
  int64_t rows = 0;
  for (const Fault& fault : faults) {
    const std::string text = "x [[fake: " + fault.directive + "]]";
    // A key that was refused rests: each request has one of its own.
    const std::string key = "test-key-" + std::to_string(rows);
    const HttpReply unary = Do(Chat(gateway, text, Answer::kUnary, key + "u"));
    EXPECT_EQ(unary.status, fault.status) << fault.name << ": " << unary.body;
    EXPECT_NE(Field(unary.body, {"error", "message"}), "absent") << fault.name << ": " << unary.body;

    const HttpReply stream = Do(Chat(gateway, text, Answer::kStream, key + "s"));
    EXPECT_EQ(stream.status, fault.status) << fault.name << ": " << stream.body;
    EXPECT_EQ(stream.error, "") << fault.name;
    EXPECT_EQ(stream.body.find("[DONE]"), std::string::npos) << fault.name << ": a broken stream looks complete";
    EXPECT_NE(stream.body.find("\"error\":{"), std::string::npos) << fault.name << ": " << stream.body;

    rows += 2;
    EXPECT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs WHERE has_error", rows)) << fault.name;
    EXPECT_EQ(gateway.database().One("SELECT group_concat(DISTINCT error_type) FROM (SELECT error_type FROM "
                                     "request_logs ORDER BY seq DESC LIMIT 2)"),
              fault.error_type)
        << fault.name;
    EXPECT_EQ(Do(Chat(gateway, "next")).status, 200) << fault.name;
  }
  EXPECT_EQ(gateway.database().Number("SELECT count(*) FROM error_logs"), rows);
}

// A stream that is cut after its first frames, in each form, by each way of cutting.
TEST_P(Upstream, CutStreamsNeverLookComplete) {
  GatewayOptions options{.mount = GetParam()};
  options.config = {{"upstream.idle_timeout_s", "1"}};
  Gateway gateway(options);
  for (const std::string cut :
       {"cut_after=2", "cut_bytes=700", "reset=2", "silent=2", "eof_without_finish", "error_after=2"}) {
    const std::string text = "x [[fake: chunks=4 " + cut + "]]";
    const HttpReply chat = Do(Chat(gateway, text, Answer::kStream));
    EXPECT_EQ(chat.status, 200) << cut;
    EXPECT_NE(chat.body.find("echo"), std::string::npos) << cut << ": " << chat.body;
    EXPECT_NE(chat.body.find("data: {\"error\":{"), std::string::npos) << cut << ": " << chat.body;
    EXPECT_EQ(chat.body.find("[DONE]"), std::string::npos) << cut;

    const HttpReply native = Do(Native(gateway, "streamGenerateContent?alt=sse", text));
    const auto events = SplitSse(native.body);
    ASSERT_FALSE(events.empty()) << cut;
    const std::string code = Field(events.back().data, {"error", "code"});
    EXPECT_GE(atoi(code.c_str()), 400) << cut << ": " << events.back().data;

    // The array form cannot carry an error of ours: it stays open, or holds Gemini's own.
    const HttpReply array = Do(Native(gateway, "streamGenerateContent", text));
    if (cut != "eof_without_finish" && cut != "error_after=2") {
      EXPECT_FALSE(json::Document::Parse(array.body).ok()) << cut << ": " << array.body;
      if (GetParam().mode == "fcgi") {
        EXPECT_NE(array.error, "") << cut << ": a cut answer ends as a whole one";
      }
    }
  }
  EXPECT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs WHERE has_error AND status_code = 200", 18));
  EXPECT_EQ(Do(Chat(gateway, "next")).status, 200);
}

// Other native answers, a downloaded file say: nothing inside them tells their end.
TEST(UpstreamCut, AnswerWithoutALengthIsCutForTheClientToo) {
  RawServer upstream([](RawPeer* peer) {
    peer->ReadRequest();
    peer->Write("HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
  });
  GatewayOptions options;
  options.upstream = upstream.Url("");
  Gateway gateway(options);
  HttpCall call;
  call.url = gateway.Url("/v1beta/files/abc:download?alt=media");
  call.headers = {std::string("x-goog-api-key: ") + kKey};
  const HttpReply reply = Do(call);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "half");
  EXPECT_NE(reply.error, "");
  EXPECT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs WHERE error_type = 'upstream_interrupted'", 1));
}

// An image is one event of megabytes in a thousand pieces: looking for its end anew in all of it took 10 s for 8 MB.
TEST_P(Upstream, LargeEventPasses) {
  std::string image;
  while (image.size() < 24'000'000) image += std::string(1'000'000, 'A');
  const std::string event = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"inlineData\":{\"data\":\"" + image +
                            "\"}}]},\"finishReason\":\"STOP\"}]}\r\n\r\n";
  RawServer upstream([&](RawPeer* peer) {
    peer->ReadRequest();
    peer->Write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: " +
                std::to_string(event.size()) + "\r\n\r\n" + event);
  });
  GatewayOptions options{.mount = GetParam()};
  options.upstream = upstream.Url("");
  Gateway gateway(options);
  HttpCall call = Native(gateway, "streamGenerateContent?alt=sse", "x");
  call.timeout_ms = 120'000;  // sanitizers take their time
  const HttpReply reply = Do(call);
  EXPECT_EQ(reply.error, "");
  EXPECT_TRUE(reply.body == event) << reply.body.size();
}

TEST_P(Upstream, Down) {
  GatewayOptions options{.mount = GetParam()};
  options.upstream = "http://127.0.0.1:" + std::to_string(UnusedPort());
  Gateway gateway(options);
  const HttpReply chat = Do(Chat(gateway, "x"));
  EXPECT_EQ(chat.status, 502) << chat.body;
  EXPECT_EQ(Field(chat.body, {"error", "type"}), "server_error");
  const HttpReply native = Do(Native(gateway, "generateContent", "x"));
  EXPECT_EQ(native.status, 502);
  EXPECT_EQ(Field(native.body, {"error", "status"}), "UNAVAILABLE");
  EXPECT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs WHERE error_type = 'upstream_unreachable'", 2));
}

class BadDatabase : public testing::TestWithParam<Mount> {
 protected:
  static int64_t SpoolLines(const Gateway& gateway) {
    const std::string text = ReadFile(gateway.Path("spool/requests.ndjson"));
    return std::count(text.begin(), text.end(), '\n');
  }
};
INSTANTIATE_TEST_SUITE_P(Mounts, BadDatabase, testing::ValuesIn(kAllMounts), MountName);

TEST_P(BadDatabase, Locked) {
  Gateway gateway({.mount = GetParam()});
  ASSERT_EQ(Do(Chat(gateway, "before")).status, 200);
  ASSERT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs", 1));
  sqlite3* db = nullptr;
  sqlite3_open(gateway.Path("gemini-code.db").c_str(), &db);
  sqlite3_busy_timeout(db, 5000);
  ASSERT_EQ(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_EQ(Do(Chat(gateway, "while locked")).status, 200);
  EXPECT_TRUE(WaitUntil([&] { return SpoolLines(gateway) == 1; }));
  EXPECT_EQ(Do(Get(gateway, "/health", "")).status, 200);
  sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  EXPECT_EQ(Do(Chat(gateway, "after")).status, 200);
  EXPECT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs", 2));
}

TEST_P(BadDatabase, Full) {
  GatewayOptions options{.mount = GetParam()};
  options.prefix = {"prlimit", "--fsize=120000"};
  Gateway gateway(options);
  int sent = 0;
  while (SpoolLines(gateway) == 0 && sent < 2000) {
    ASSERT_EQ(Do(Chat(gateway, "row")).status, 200) << sent;
    ++sent;
  }
  EXPECT_GT(SpoolLines(gateway), 0) << "the database was never full";
  EXPECT_EQ(Do(Chat(gateway, "row")).status, 200);
  ++sent;
  const auto kept = [&] {
    return SpoolLines(gateway) + gateway.database().Number("SELECT count(*) FROM request_logs");
  };
  EXPECT_TRUE(WaitUntil([&] { return kept() == sent; })) << kept() << " of " << sent << "\n"
                                                         << ReadFile(gateway.Path("log/gemini-code.log"));
  EXPECT_EQ(gateway.database().IntegrityCheck(), "ok");
}

TEST_P(BadDatabase, ReadOnly) {
  GatewayOptions options{.mount = GetParam()};
  // Root may write anything until it gives this up.
  if (geteuid() == 0) options.prefix = {"setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"};
  Gateway gateway(options);
  ASSERT_EQ(Do(Chat(gateway, "before")).status, 200);
  ASSERT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs", 1));
  for (const char* file : {"gemini-code.db", "gemini-code.db-wal", "gemini-code.db-shm"}) {
    chmod(gateway.Path(file).c_str(), 0444);
  }
  gateway.Reload();  // open handles keep their right to write
  EXPECT_EQ(Do(Chat(gateway, "while read-only")).status, 200);
  EXPECT_TRUE(WaitUntil([&] { return SpoolLines(gateway) == 1; }))
      << SpoolLines(gateway) << " lines, " << gateway.database().Number("SELECT count(*) FROM request_logs")
      << " rows\n"
      << ReadFile(gateway.Path("log/gemini-code.log"));
  for (const char* file : {"gemini-code.db", "gemini-code.db-wal", "gemini-code.db-shm"}) {
    chmod(gateway.Path(file).c_str(), 0600);
  }
  EXPECT_TRUE(WaitUntil([&] {
    return Do(Chat(gateway, "after")).status == 200 &&
           gateway.database().Number("SELECT count(*) FROM request_logs") > 1;
  }));
}

TEST_P(BadDatabase, DamagedOrMissing) {
  for (const bool missing : {true, false}) {
    Gateway gateway({.mount = GetParam()});
    for (const char* file : {"gemini-code.db", "gemini-code.db-wal", "gemini-code.db-shm"}) {
      std::filesystem::remove(gateway.Path(file));
    }
    if (!missing) std::ofstream(gateway.Path("gemini-code.db")) << std::string(8192, 'x');
    EXPECT_EQ(Do(Chat(gateway, "x")).status, 200);
    EXPECT_TRUE(WaitUntil([&] { return SpoolLines(gateway) == 1; })) << missing;
    const HttpReply health = Do(Get(gateway, "/health", ""));
    EXPECT_EQ(health.status, 503) << health.body;
    EXPECT_EQ(Field(health.body, {"status"}), "unhealthy");
    EXPECT_EQ(Do(Get(gateway, "/readyz", "")).status, 503);
    EXPECT_EQ(Do(Get(gateway, "/livez", "")).status, 200);
  }
}

}  // namespace
}  // namespace gc::test
