// secrets_test.cc: canary keys: after every way a key can come in, it is nowhere but in memory.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>

#include "e2e/calls.h"

namespace gc::test {
namespace {

class Canary : public testing::TestWithParam<Mount> {};
INSTANTIATE_TEST_SUITE_P(Mounts, Canary, testing::ValuesIn(kAllMounts), MountName);

TEST_P(Canary, OccursNowhere) {
  const std::string canary = "test-key-CANARY7f3a9c";
  GatewayOptions options{.mount = GetParam()};
  options.config = {{"log.level", "debug"}};
  Gateway gateway(options);

  std::vector<HttpCall> calls = {
      Chat(gateway, "header", Answer::kUnary, canary),
      Chat(gateway, "stream", Answer::kStream, canary),
      Chat(gateway, "leak [[fake: leak_key]]", Answer::kUnary, canary),
      Chat(gateway, "leak [[fake: leak_key]]", Answer::kStream, canary),
      Chat(gateway, "late leak [[fake: chunks=3 error_after=1 leak_key]]", Answer::kStream, canary),
      Chat(gateway, "refused", Answer::kUnary, canary + "-invalid"),
      Native(gateway, "generateContent", "native", canary),
      Native(gateway, "generateContent", "leak [[fake: leak_key]]", canary),
      Native(gateway, "streamGenerateContent?alt=sse", "leak [[fake: chunks=3 error_after=1 leak_key]]", canary),
      Native(gateway, "streamGenerateContent", "leak [[fake: chunks=3 error_after=1 leak_key]]", canary),
      Native(gateway, "streamGenerateContent?alt=sse&key=" + canary, "query", ""),
      Native(gateway, "generateContent?key=" + canary, "query", ""),
      Get(gateway, "/v1/models?api_key=" + canary, ""),
      Get(gateway, "/v1/models/" + canary, canary),
      Get(gateway, "/v1/nope?key=" + canary, canary),
  };
  calls[10].headers.clear();
  calls[11].headers.clear();
  HttpCall agent = Chat(gateway, "agent", Answer::kUnary, canary);
  agent.headers.push_back("User-Agent: tool/1 (" + canary + ")");
  agent.headers.push_back("Referer: https://example.org/?key=" + canary);
  calls.push_back(agent);
  for (size_t i = 0; i < calls.size(); ++i) {
    const HttpReply reply = Do(calls[i]);
    EXPECT_NE(reply.status, 0) << i;
    EXPECT_EQ(reply.body.find(canary), std::string::npos) << "call " << i << ": " << reply.body;
    for (const auto& [name, value] : reply.headers) EXPECT_EQ(value.find(canary), std::string::npos) << name;
  }
  ASSERT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs", static_cast<int64_t>(calls.size())));

  // Locked: the rows of two more go to the spool.
  sqlite3* db = nullptr;
  sqlite3_open(gateway.Path("gemini-code.db").c_str(), &db);
  sqlite3_busy_timeout(db, 5000);  // the last CGI process may still be closing
  ASSERT_EQ(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  Do(calls[2]);
  EXPECT_TRUE(WaitUntil([&] { return !ReadFile(gateway.Path("spool/requests.ndjson")).empty(); }));
  sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(db);

  // lighttpd writes its log every few seconds.
  const auto logged = [&] {
    const std::string log = ReadFile(gateway.Path("log/access.log"));
    return std::count(log.begin(), log.end(), '\n');
  };
  EXPECT_TRUE(WaitUntil([&] { return logged() > static_cast<int64_t>(calls.size()); }, 10'000)) << logged();
  int files = 0;
  // A WAL may vanish while we look: its last user removes it.
  std::error_code vanished;
  for (auto at = std::filesystem::recursive_directory_iterator(gateway.Path(""), vanished); !vanished && at != end(at);
       at.increment(vanished)) {
    const auto& entry = *at;
    std::error_code no_file;
    if (!entry.is_regular_file(no_file)) continue;
    ++files;
    std::string text = ReadFile(entry.path());
    // Who asks for a model of that name puts it into the web server's log of paths.
    const std::string as_model = "/v1/models/" + canary;
    if (entry.path().filename() == "access.log") text.replace(text.find(as_model), as_model.size(), "");
    EXPECT_EQ(text.find(canary), std::string::npos) << entry.path();
  }
  EXPECT_GE(files, 6);  // database, WAL, spool, three logs
  // Under plain CGI a key stands in the environment of its request's own process, as the protocol wants it: that one is
  // left out, not the server.
  std::vector<pid_t> pids = {gateway.server()};
  if (GetParam().mode == "fcgi") {
    pids.push_back(gateway.master());
    for (const pid_t pid : gateway.workers()) pids.push_back(pid);
  }
  for (const pid_t pid : pids) {
    EXPECT_EQ(ReadFile("/proc/" + std::to_string(pid) + "/cmdline").find(canary), std::string::npos);
    EXPECT_EQ(ReadFile("/proc/" + std::to_string(pid) + "/environ").find(canary), std::string::npos);
  }
}

}  // namespace
}  // namespace gc::test
