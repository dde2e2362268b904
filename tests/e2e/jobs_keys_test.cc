// jobs_keys_test.cc: gemini-code-keys beside the gateway: it tells what happened to five keys, and a key that is
// unblocked is asked again.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>

#include "e2e/calls.h"

namespace gc::test {
namespace {

const std::string kDead = "test-key-invalid-kone";
const std::string kFive = kDead + ",test-key-rpd-ktwo,test-key-rpm-ktri,test-key-overloaded-kfor,test-key-kfiv";

RunResult Keys(const Gateway& gateway, std::vector<std::string> arguments, const std::string& input = {}) {
  Command command;
  command.argv = {BuildDirectory() + "/gemini-code-keys"};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.argv.insert(command.argv.end(), {"-c", gateway.config_file()});
  command.input = input;
  return RunCommand(command);
}

int64_t CallsOf(Gateway* gateway, const std::string& last4) {
  const auto requests = gateway->fake().Requests();
  return std::count_if(requests.begin(), requests.end(),
                       [&](const FakeGemini::Record& record) { return record.key_last4 == last4; });
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

TEST(JobsKeys, TellTheStoryOfFiveKeys) {
  Gateway gateway({.config = {{"pool.max_attempts", "12"}}});
  // Conversations differ in the key that they prefer: each key is met.
  for (int i = 0; i < 24; ++i) {
    ASSERT_EQ(Do(Chat(gateway, "question " + std::to_string(i), Answer::kUnary, kFive)).status, 200);
  }
  ASSERT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs", 24));

  const RunResult list = Keys(gateway, {"--full"});
  ASSERT_EQ(list.code, 0) << list.err;
  EXPECT_EQ(Count(list.out, "  disabled  "), 1U) << list.out;
  EXPECT_EQ(Count(list.out, "  resting   "), 2U) << list.out;
  EXPECT_EQ(Count(list.out, "  ok        "), 2U) << list.out;
  EXPECT_NE(list.out.find("Google says that the key is not valid"), std::string::npos) << list.out;
  EXPECT_NE(list.out.find("Google's limit for the day"), std::string::npos) << list.out;
  EXPECT_NE(list.out.find("of 20 requests"), std::string::npos) << "the limit that the refusal named: " << list.out;
  EXPECT_EQ(list.out.find("test-key"), std::string::npos) << "no key is printed";

  // A request that met the dead key: its story names it, and ends with an answer.
  const std::string id =
      gateway.database().One("SELECT request_id FROM key_attempts WHERE reason = 'invalid_key' AND called = 1");
  const RunResult explain = Keys(gateway, {"explain", id});
  ASSERT_EQ(explain.code, 0) << explain.err;
  EXPECT_NE(explain.out.find("status 400: Google says that the key is not valid"), std::string::npos) << explain.out;
  EXPECT_TRUE(explain.out.ends_with("status 200, answered\n")) << explain.out;
  EXPECT_EQ(Keys(gateway, {"explain", "ffffffff-ffff"}).code, 66);
}

TEST(JobsKeys, UnblockedKeyIsAskedAgain) {
  Gateway gateway;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Do(Chat(gateway, "x", Answer::kUnary, kDead)).status, 401);
  ASSERT_EQ(CallsOf(&gateway, "kone"), 1);
  const std::string hash = Database(gateway.Path("state.db")).One("SELECT key_hash FROM keys");

  const RunResult dry = Keys(gateway, {"unblock", hash.substr(0, 8), "-n"});
  EXPECT_EQ(dry.code, 0) << dry.err;
  EXPECT_TRUE(dry.out.starts_with("would clear " + hash.substr(0, 8) + ": disabled until ")) << dry.out;
  EXPECT_EQ(Do(Chat(gateway, "x", Answer::kUnary, kDead)).status, 401);
  EXPECT_EQ(CallsOf(&gateway, "kone"), 1) << "a dry run changes nothing";

  const RunResult done = Keys(gateway, {"unblock", hash.substr(0, 8)});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_TRUE(done.out.starts_with("cleared " + hash.substr(0, 8))) << done.out;
  EXPECT_EQ(Do(Chat(gateway, "x", Answer::kUnary, kDead)).status, 401);
  EXPECT_EQ(CallsOf(&gateway, "kone"), 2);
  EXPECT_EQ(gateway.database().Number("SELECT count(*) FROM job_runs WHERE job = 'keys' AND rc = 0"), 1);
}

TEST(JobsKeys, TestReadsKeysFromStandardInput) {
  Gateway gateway;
  const RunResult good = Keys(gateway, {"test"}, "test-key-kfiv\n");
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_TRUE(good.out.ends_with("  ok\n")) << good.out;
  const RunResult bad = Keys(gateway, {"test"}, kFive);
  EXPECT_EQ(bad.code, 1) << bad.err;
  EXPECT_EQ(Count(bad.out, "\n"), 5U) << bad.out;
  EXPECT_EQ((bad.out + bad.err).find("test-key"), std::string::npos);
  EXPECT_EQ(Keys(gateway, {"test"}).code, 64) << "nothing came in";
}

TEST(JobsKeys, CommandLine) {
  Gateway gateway;
  const struct {
    const char* name;
    std::vector<std::string> arguments;
    int code;
  } cases[] = {
      {"unknown command", {"forget"}, 64},
      {"a key on the command line", {"test", "test-key-x"}, 64},
      {"two requests", {"explain", "0193aaaa", "0193bbbb"}, 64},
      {"unknown state", {"--state=tired"}, 64},
      {"no count", {"--limit=many"}, 64},
      {"state and state database are two options", {"--state=ok", "--state-db=" + gateway.Path("state.db")}, 0},
      {"quiet", {"list", "-q"}, 0},
      {"help", {"--help"}, 0},
      {"version", {"--version"}, 0},
  };
  for (const auto& c : cases) {
    const RunResult result = Keys(gateway, c.arguments);
    EXPECT_EQ(result.code, c.code) << c.name << ": " << result.err;
  }
}

}  // namespace
}  // namespace gc::test
