// pool_test.cc: several keys in one request, and what Google's refusals mean for the requests that follow: in all
// processes, and after they were replaced.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <csignal>
#include <map>
#include <thread>

#include "base/pacific.h"
#include "e2e/calls.h"

namespace gc::test {
namespace {

constexpr char kGood[] = "test-key-kfiv";
// The fake fails a key by a word in it, and tells keys by their last four characters.
const std::string kFive =
    std::string("test-key-invalid-kone,test-key-rpd-ktwo,test-key-rpm-ktri,test-key-overloaded-kfor,") + kGood;

std::map<std::string, int> CallsByKey(Gateway* gateway) {
  std::map<std::string, int> calls;
  for (const FakeGemini::Record& record : gateway->fake().Requests()) ++calls[record.key_last4];
  return calls;
}

int64_t Number(const HttpReply& reply, const std::string& header) {
  const std::string value(reply.Header(header));
  return value.empty() ? -1 : std::stoll(value);
}

class Pool : public testing::TestWithParam<Mount> {};
INSTANTIATE_TEST_SUITE_P(Mounts, Pool, testing::Values(kLighttpd, kLighttpdCgi, kApacheFcgid, kNginx), MountName);

TEST_P(Pool, OfFiveGivesTheAnswerOfTheOneThatCan) {
  Gateway gateway({.mount = GetParam(), .config = {{"pool.max_attempts", "12"}}});
  // Conversations differ in the key that they prefer: each key is met.
  const auto ask_all = [&](const char* when) {
    for (int i = 0; i < 24; ++i) {
      const HttpReply reply =
          Do(Chat(gateway, "question " + std::to_string(i), i % 2 == 0 ? Answer::kUnary : Answer::kStream, kFive));
      EXPECT_EQ(reply.status, 200) << when << ": " << reply.body;
      EXPECT_EQ(reply.body.find("error"), std::string::npos) << when << ": " << reply.body;
    }
  };
  ask_all("at first");
  const auto calls = CallsByKey(&gateway);
  for (const char* key : {"kone", "ktwo", "ktri"}) {
    EXPECT_EQ(calls.contains(key) ? calls.at(key) : 0, 1) << key << " was asked again, or never";
  }
  EXPECT_GT(calls.contains("kfor") ? calls.at("kfor") : 0, 0);

  gateway.Reload();
  ask_all("after all processes were replaced");
  const auto later = CallsByKey(&gateway);
  for (const char* key : {"kone", "ktwo", "ktri"}) {
    EXPECT_EQ(later.at(key), 1) << key << " was asked again";
  }
  ASSERT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs", 48));
  // The rows tell the story: one for each key that was passed over or called in vain, then the one that answered.
  const Database database = gateway.database();
  EXPECT_EQ(database.Number("SELECT count(*) FROM request_logs WHERE has_error = 1"), 0);
  for (const char* reason : {"invalid_key", "day_quota", "minute_requests"}) {
    const std::string where = std::string(" FROM key_attempts WHERE reason = '") + reason + "'";
    EXPECT_EQ(database.Number("SELECT count(*)" + where + " AND called = 1"), 1) << reason;
    EXPECT_GT(database.Number("SELECT count(*)" + where + " AND called = 0 AND rests_until > 0"), 0) << reason;
  }
  EXPECT_EQ(database.Number("SELECT count(*) FROM key_attempts a WHERE called = 1 AND reason IS NULL AND key_hash <> "
                            "(SELECT api_key_hash FROM request_logs WHERE id = a.request_id)"),
            0)
      << "the row names the key that answered";
  EXPECT_EQ(database.Number("SELECT failed_requests FROM api_key_metrics WHERE key_hash = "
                            "(SELECT api_key_hash FROM request_logs LIMIT 1)"),
            0)
      << "what the others were refused for is not the fault of the key that answered";
  EXPECT_EQ(database.Number("SELECT count(*) FROM api_key_metrics WHERE failed_requests = 1 AND total_requests = 1"), 2)
      << "the day's and the minute's key; the invalid one has no row";
}

TEST(Pools, EveryProtocolFailsOver) {
  Gateway gateway;
  const std::string keys = std::string("test-key-invalid-abad,test-key-rpd-bbad,") + kGood;
  for (int i = 0; i < 8; ++i) {
    const std::string text = "hello " + std::to_string(i);
    EXPECT_EQ(Do(Native(gateway, "generateContent", text, keys)).status, 200);
    const HttpReply stream = Do(Native(gateway, "streamGenerateContent?alt=sse", text, keys));
    EXPECT_EQ(stream.status, 200) << stream.body;
    const std::string message = R"({"model":")" + std::string(kModel) +
                                R"(","max_tokens":64,"messages":[{"role":"user","content":")" + text + R"("}]})";
    EXPECT_EQ(Do(Post(gateway.Url("/v1/messages"), message, {"x-api-key: " + keys})).status, 200);
    EXPECT_EQ(Do(Get(gateway, "/v1/models", keys)).status, 200);
  }
  EXPECT_EQ(CallsByKey(&gateway)["abad"], 1);
}

TEST(Pools, AnswersSayWhichKeyAndHowManyCalls) {
  Gateway gateway;
  const HttpReply reply = Do(Chat(gateway, "hello", Answer::kUnary, kGood));
  EXPECT_EQ(reply.Header("x-gateway-attempts"), "1");
  EXPECT_EQ(reply.Header("x-gateway-key").size(), 8U);
  ASSERT_TRUE(gateway.WaitForCount(
      "SELECT count(*) FROM request_logs WHERE api_key_hash LIKE '" + std::string(reply.Header("x-gateway-key")) + "%'",
      1));
}

TEST(Pools, OneConversationStaysWithOneKey) {
  Gateway gateway;
  const std::string keys = "test-key-p,test-key-q,test-key-r,test-key-s";
  std::map<std::string, int> used;
  for (int conversation = 0; conversation < 12; ++conversation) {
    const std::string first = R"({"role":"user","content":"talk )" + std::to_string(conversation) + R"("})";
    std::string turns = first;
    std::string key;
    for (int turn = 0; turn < 3; ++turn) {
      const std::string body = R"({"model":")" + std::string(kModel) + R"(","messages":[)" + turns + "]}";
      const HttpReply reply = Do(Post(gateway.Url("/v1/chat/completions"), body, {"Authorization: Bearer " + keys}));
      ASSERT_EQ(reply.status, 200) << reply.body;
      if (turn == 0) key = reply.Header("x-gateway-key");
      EXPECT_EQ(reply.Header("x-gateway-key"), key) << "conversation " << conversation << ", turn " << turn;
      turns += R"(,{"role":"assistant","content":"echo"},{"role":"user","content":"more"})";
    }
    ++used[key];
  }
  EXPECT_GT(used.size(), 1U) << "conversations spread";
}

TEST(Pools, ExhaustedDayIsToldInEachProtocolAndGoogleIsNotAskedAgain) {
  Gateway gateway;
  const std::string key = "test-key-rpd-only";
  const std::string message =
      R"({"model":")" + std::string(kModel) + R"(","max_tokens":64,"messages":[{"role":"user","content":"x"}]})";
  for (int round = 0; round < 2; ++round) {
    const int64_t now_s = time(nullptr);
    const HttpReply chat = Do(Chat(gateway, "x", Answer::kUnary, key));
    EXPECT_EQ(chat.status, 429);
    EXPECT_EQ(Field(chat.body, {"error", "code"}), "insufficient_quota");
    EXPECT_EQ(chat.Header("x-should-retry"), "false");
    EXPECT_LE(std::abs(now_s + Number(chat, "retry-after") - NextPacificMidnight(now_s)), 2)
        << chat.Header("retry-after");
    const HttpReply anthropic = Do(Post(gateway.Url("/v1/messages"), message, {"x-api-key: " + key}));
    EXPECT_EQ(anthropic.status, 429);
    EXPECT_EQ(Field(anthropic.body, {"error", "type"}), "rate_limit_error");
    const HttpReply native = Do(Native(gateway, "streamGenerateContent?alt=sse", "x", key));
    EXPECT_EQ(native.status, 429);
    EXPECT_EQ(Field(native.body, {"error", "status"}), "RESOURCE_EXHAUSTED");
    EXPECT_GT(Number(native, "retry-after"), 0);
  }
  EXPECT_EQ(CallsByKey(&gateway)["only"], 1);
  EXPECT_EQ(Do(Chat(gateway, "x", Answer::kUnary, kGood)).status, 200) << "another key is not concerned";
}

TEST(Pools, RefusedKeyRestsAndSaysSo) {
  Gateway gateway;
  for (int i = 0; i < 2; ++i) {
    const HttpReply reply = Do(Chat(gateway, "x", Answer::kUnary, "test-key-invalid-dead"));
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(Field(reply.body, {"error", "code"}), "invalid_api_key");
  }
  EXPECT_EQ(CallsByKey(&gateway)["dead"], 1);
}

TEST(Pools, AllCoolIsToldToTheSecond) {
  Gateway gateway;
  const std::string keys = "test-key-rpm-a,test-key-rpd-b";
  ASSERT_EQ(Do(Chat(gateway, "x", Answer::kUnary, keys)).status, 429);
  const int calls = static_cast<int>(gateway.fake().Requests().size());
  EXPECT_EQ(calls, 2);
  const HttpReply reply = Do(Chat(gateway, "y", Answer::kUnary, keys));
  const int64_t now_s = time(nullptr);
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(Field(reply.body, {"error", "code"}), "rate_limit_exceeded");
  const int64_t soonest = Database(gateway.Path("state.db")).Number("SELECT min(cool_until) FROM quota");
  const int64_t after = Number(reply, "retry-after");
  EXPECT_TRUE(after == soonest - now_s || after == soonest - now_s + 1) << after << " and " << soonest - now_s;
  EXPECT_EQ(static_cast<int>(gateway.fake().Requests().size()), calls) << "nobody was asked";
}

TEST(Pools, WaitsForTheFirstKeyWhereThatIsAllowed) {
  Gateway gateway({.config = {{"pool.max_wait_s", "10"}}});
  ASSERT_TRUE(gateway.fake()
                  .AddAnswers(R"({"request":{"key":"wait"},"response":{"status":429,"body":{"error":{"code":429,)"
                              R"("status":"RESOURCE_EXHAUSTED","message":"q","details":[)"
                              R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":)"
                              R"("GenerateRequestsPerMinutePerProjectPerModel","quotaValue":"5"}]},)"
                              R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2s"}]}}}})")
                  .ok());
  const HttpReply reply = Do(Chat(gateway, "x", Answer::kUnary, "test-key-wait"));
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.Header("x-gateway-attempts"), "2");
}

TEST(Pools, ConfiguredLimitHoldsForAllWorkers) {
  Gateway gateway({.config = {{"worker.processes", "4"}, {"quota.limits.1", "* rpm=10"}}});
  std::map<int64_t, int> granted;  // by minute
  // A minute may end in between: then the next one is looked at.
  for (int attempt = 0; attempt < 2 && granted.size() != 1; ++attempt) {
    granted.clear();
    gateway.fake().Reset();
    const std::string key = "test-key-limit-" + std::to_string(attempt);
    const int64_t minute = time(nullptr) / 60;
    std::vector<std::thread> clients;
    std::atomic<int> good = 0;
    for (int i = 0; i < 64; ++i) {
      clients.emplace_back([&, i] {
        const HttpReply reply = Do(Chat(gateway, "x" + std::to_string(i), Answer::kUnary, key));
        if (reply.status == 200) ++good;
        EXPECT_TRUE(reply.status == 200 || reply.status == 429) << reply.status << reply.body;
      });
    }
    for (std::thread& client : clients) client.join();
    granted[minute] = good;
    if (time(nullptr) / 60 != minute) granted[minute + 1] = 0;
  }
  ASSERT_EQ(granted.size(), 1U);
  EXPECT_EQ(granted.begin()->second, 10);
  EXPECT_EQ(static_cast<int>(gateway.fake().Requests().size()), 10);
}

TEST(Pools, LockedStateLetsRequestsGoOn) {
  Gateway gateway({.config = {{"quota.limits.1", "* rpm=1000000"}}});
  ASSERT_EQ(Do(Chat(gateway, "before", Answer::kUnary, kGood)).status, 200);
  {
    sqlite3* locker = nullptr;
    ASSERT_EQ(sqlite3_open(gateway.Path("state.db").c_str(), &locker), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(locker, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK);
    const int64_t end = time(nullptr) + 10;
    int requests = 0;
    while (time(nullptr) < end) {
      ASSERT_EQ(Do(Chat(gateway, "locked " + std::to_string(requests++), Answer::kUnary, kGood)).status, 200);
    }
    EXPECT_GT(requests, 10);
    EXPECT_NE(Field(Do(Get(gateway, "/health", "")).body, {"quota", "unreserved"}), "0");
    sqlite3_close(locker);
  }
  const auto reserved = [&] {
    const HttpReply reply = Do(Get(gateway, "/health", ""));
    const std::string before = Field(reply.body, {"quota", "unreserved"});
    EXPECT_EQ(Do(Chat(gateway, "after", Answer::kUnary, kGood)).status, 200);
    return Field(Do(Get(gateway, "/health", "")).body, {"quota", "unreserved"}) == before;
  };
  EXPECT_TRUE(WaitUntil(reserved, 10'000)) << "within bounds again";
}

TEST(Pools, KilledWorkerLeavesItsReservationToItsMinute) {
  Gateway gateway({.config = {{"quota.limits.1", "* rpm=1000,tpm=100000"}}});
  std::thread client([&] { (void)Do(Chat(gateway, "x [[fake: hold=door tag=held]]", Answer::kUnary, kGood)); });
  ASSERT_TRUE(gateway.fake().WaitFor("hold", "held").has_value());
  const Database state(gateway.Path("state.db"));
  EXPECT_EQ(state.Number("SELECT minute_requests FROM quota"), 1);
  EXPECT_GT(state.Number("SELECT minute_tokens FROM quota"), 0);
  const std::vector<pid_t> before = gateway.workers();
  for (const pid_t worker : before) kill(worker, SIGKILL);
  client.join();
  gateway.fake().Release("door");
  ASSERT_TRUE(WaitUntil([&] { return gateway.HasReplaced(before); }, 15'000));
  // What is left is bound to the minute that it was made in, and to nothing else.
  EXPECT_LE(state.Number("SELECT minute FROM quota"), time(nullptr) / 60);
  EXPECT_EQ(state.Number("SELECT cool_until + failures FROM quota"), 0);
  EXPECT_EQ(Do(Chat(gateway, "x", Answer::kUnary, kGood)).status, 200);
}

}  // namespace
}  // namespace gc::test
