// key_pool_quota_test.cc: limits that are kept to, what a call takes from them, and what a client is told when all keys
// are out.
// SPDX-License-Identifier: MIT
#include "base/pacific.h"
#include "unit/key_pool_fixture.h"

namespace gc {
namespace {

// Calls that a process may make with the key now, each settled as done.
int Granted(PoolRequest request, const CallSubject& subject) {
  int granted = 0;
  for (int i = 0; i < 50 && !request->Take(subject); ++i) {
    ++granted;
    request->Succeeded({});
  }
  return granted;
}

const std::string kOne = "test-key-one";
const std::string kBody = R"({"contents":[{"parts":[{"text":")" + std::string(400, 'a') + R"("}]}]})";

gemini::Usage Used(int64_t input) {
  gemini::Usage usage;
  usage.present = true;
  usage.prompt = input;
  return usage;
}

TEST_F(KeyPoolTest, ConfiguredLimitsHold) {
  const struct {
    const char* name;
    const char* row;
    int granted;
  } cases[] = {
      {"requests a minute", "* rpm=3", 3},           {"requests a day", "* rpd=4", 4},
      {"tokens a minute", "* tpm=250", 2},           {"the smallest", "* rpm=9,tpm=100000,rpd=5", 5},
      {"another model's", "gemini-9-pro rpm=3", 50},
  };
  for (const auto& c : cases) {
    StartAnew({{"quota.limits.1", c.row}});
    // All in one moment; what a call has reserved is kept, as usage is what was estimated.
    const int64_t estimate = EstimateTokens(kBody);
    int granted = 0;
    while (granted < 50) {
      PoolRequest request = Request({kOne});
      if (request->Take(About("", kBody))) break;
      ++granted;
      request->Succeeded(Used(estimate));
    }
    EXPECT_EQ(granted, c.granted) << c.name;
  }
}

TEST_F(KeyPoolTest, LimitsEndWithTheirWindow) {
  Start({{"quota.limits.1", "* rpm=2,rpd=5"}});
  EXPECT_EQ(Granted(Request({kOne}), About("")), 2);
  clock_.unix_s = kNow + 60;
  EXPECT_EQ(Granted(Request({kOne}), About("")), 2);
  clock_.unix_s = kNow + 120;
  EXPECT_EQ(Granted(Request({kOne}), About("")), 1) << "the day's";
  clock_.unix_s = NextPacificMidnight(kNow);
  EXPECT_EQ(Granted(Request({kOne}), About("")), 2);
}

TEST_F(KeyPoolTest, LearnedLimitsHoldUntilTheyAreOld) {
  Start({{"quota.learned_ttl_s", "3600"}, {"quota.limits.1", "* rpm=7"}});
  EXPECT_EQ(Granted(Request({kOne}), About("")), 7);
  clock_.unix_s = kNow + 60;
  PoolRequest request = Request({kOne});
  ASSERT_EQ(request->Take(About("")), std::nullopt);
  request->Refused(QuotaRefusal("GenerateRequestsPerMinutePerProjectPerModel", "3", "1s"));
  clock_.unix_s = kNow + 120;
  EXPECT_EQ(Granted(Request({kOne}), About("")), 3) << "what Google named goes before what was configured";
  Start({{"quota.learned_ttl_s", "3600"}, {"quota.limits.1", "* rpm=7"}});
  clock_.unix_s = kNow + 180;
  EXPECT_EQ(Granted(Request({kOne}), About("")), 3) << "another process knows it";
  clock_.unix_s = kNow + 60 + 3600;
  EXPECT_EQ(Granted(Request({kOne}), About("")), 7) << "forgotten";
}

TEST_F(KeyPoolTest, KeysOfOneProjectCountAsOne) {
  Start({{"quota.limits.1", "* rpm=4"}});
  const auto keys = Keys(2);
  for (const std::string& key : keys) {
    PoolRequest request = Request({key});
    ASSERT_EQ(request->Take(About("")), std::nullopt);
    request->Refused(gemini::ReadFailure(
        R"({"error":{"code":403,"message":"no","details":[{"@type":"x/google.rpc.ErrorInfo","reason":"X",)"
        R"("metadata":{"consumer":"projects/4711"}}]}})",
        403));
  }
  EXPECT_EQ(Read(keys[0]).subject, "project/4711");
  clock_.unix_s = kNow + 60;
  EXPECT_EQ(Granted(Request({keys[0]}), About("")), 4);
  EXPECT_EQ(Granted(Request({keys[1]}), About("")), 0) << "its sister has used them up";

  clock_.unix_s = kNow + 120;
  PoolRequest request = Request({keys[0]});
  ASSERT_EQ(request->Take(About("")), std::nullopt);
  request->Refused(MinuteRefusal());
  EXPECT_EQ(KeyFor({keys[1]}, About("")), "") << "and rests with it";
}

TEST_F(KeyPoolTest, AllOutTellsWhyAndUntilWhen) {
  const auto keys = Keys(3);
  struct Rest {
    int64_t for_s;
    const char* reason;
    bool disabled = false;
  };
  const struct {
    const char* name;
    std::vector<Rest> rests;  // by key
    ApiErrorKind kind;
    int64_t retry_after_s;
  } cases[] = {
      {"minutes: the first",
       {{50, "minute_requests"}, {7, "minute_tokens"}, {30, "shared_capacity"}},
       ApiErrorKind::kRateLimited,
       7},
      {"a day and a minute",
       {{kToMidnight, "day_quota"}, {50, "minute_requests"}, {kToMidnight, "zero_quota"}},
       ApiErrorKind::kRateLimited,
       50},
      {"only days",
       {{kToMidnight, "day_quota"}, {kToMidnight, "zero_quota"}, {kToMidnight, "day_quota"}},
       ApiErrorKind::kQuotaExhausted,
       kToMidnight},
      {"dead ones do not count beside a day",
       {{86400, "invalid_key", true}, {kToMidnight, "day_quota"}, {86400, "suspended_key", true}},
       ApiErrorKind::kQuotaExhausted,
       kToMidnight},
      {"a spend limit passes",
       {{86400, "invalid_key", true}, {600, "spend_limit", true}, {86400, "invalid_key", true}},
       ApiErrorKind::kRateLimited,
       600},
      {"all dead",
       {{86400, "invalid_key", true}, {86400, "suspended_key", true}, {600, "service_disabled", true}},
       ApiErrorKind::kBadCredential,
       0},
  };
  for (const auto& c : cases) {
    StartAnew();
    for (size_t i = 0; i < keys.size(); ++i) {
      const Rest& rest = c.rests[i];
      rest.disabled ? Disable(keys[i], kNow + rest.for_s, rest.reason) : Cool(keys[i], kNow + rest.for_s, rest.reason);
    }
    PoolRequest request = Request(keys);
    const auto error = request->Take(About("a"));
    ASSERT_TRUE(error.has_value()) << c.name;
    EXPECT_EQ(error->kind, c.kind) << c.name << ": " << error->message;
    EXPECT_EQ(error->retry_after_s, c.retry_after_s) << c.name;
    EXPECT_EQ(request->free_in_ms(), c.retry_after_s * 1000) << c.name;
    EXPECT_FALSE(request->is_taken()) << c.name;
  }
}

TEST_F(KeyPoolTest, OurOwnLimitsTellLikewise) {
  const struct {
    const char* name;
    const char* row;
    int64_t calls;
    ApiErrorKind kind;
    int64_t retry_after_s;
  } cases[] = {
      {"the minute's end", "* rpm=1,rpd=100", 1, ApiErrorKind::kRateLimited, 42},
      {"midnight", "* rpm=10,rpd=1", 1, ApiErrorKind::kQuotaExhausted, kToMidnight - 18},
      {"midnight, also where only all calls together are too many", "* rpm=10,rpd=4", 4, ApiErrorKind::kQuotaExhausted,
       kToMidnight - 18},
  };
  clock_.unix_s = kNow + 18;
  for (const auto& c : cases) {
    StartAnew({{"quota.limits.1", c.row}});
    PoolRequest first = Request({kOne});
    ASSERT_EQ(first->Take(About("")), std::nullopt) << c.name;
    PoolRequest second = Request({kOne});
    CallSubject subject = About("");
    subject.calls = c.calls;
    const auto error = second->Take(subject);
    ASSERT_TRUE(error.has_value()) << c.name;
    EXPECT_EQ(error->kind, c.kind) << c.name << ": " << error->message;
    EXPECT_EQ(error->retry_after_s, c.retry_after_s) << c.name;
  }
}

// What the windows hold after a call: beside 3 requests and 50 tokens of others'.
TEST_F(KeyPoolTest, CallsAreSettled) {
  const int64_t estimate = EstimateTokens(kBody);
  using Ending = void (*)(KeyRing&);
  const struct {
    const char* name;
    Ending ending;
    int64_t requests;
    int64_t tokens;
    int64_t unlimited_tokens;  // where nothing was reserved: there is no estimate to keep
  } cases[] = {
      {"success with fewer tokens", [](KeyRing& r) { r.Succeeded(Used(10)); }, 1, 10, 10},
      {"success with more tokens", [](KeyRing& r) { r.Succeeded(Used(900)); }, 1, 900, 900},
      {"over a limit: nothing was used", [](KeyRing& r) { r.Refused(MinuteRefusal()); }, 0, 0, 0},
      {"overloaded: a request all the same", [](KeyRing& r) { r.Refused(StatusOnly(503)); }, 1, 0, 0},
      {"a wrong field: likewise", [](KeyRing& r) { r.Refused(StatusOnly(400)); }, 1, 0, 0},
      {"not sent", [](KeyRing& r) { r.Broke("x", KeyRing::Sent::kNo, 0, {}); }, 0, 0, 0},
      {"cut, nothing told", [](KeyRing& r) { r.Broke("x", KeyRing::Sent::kMaybe, 0, {}); }, 1, estimate, 0},
      {"cut, less told", [](KeyRing& r) { r.Broke("x", KeyRing::Sent::kMaybe, 200, Used(10)); }, 1, estimate, 10},
      {"cut, more told", [](KeyRing& r) { r.Broke("x", KeyRing::Sent::kMaybe, 200, Used(900)); }, 1, 900, 900},
  };
  for (const bool limited : {true, false}) {
    for (const auto& c : cases) {
      SCOPED_TRACE(std::string(c.name) + (limited ? "" : ", no limit is known"));
      StartAnew({{"quota.limits.1", limited ? "* rpm=100,tpm=100000,rpd=100" : "gemini-9-pro rpm=1"}});
      Use(kOne, 3, 50);
      PoolRequest request = Request({kOne});
      ASSERT_EQ(request->Take(About("", kBody)), std::nullopt);
      EXPECT_EQ(Read(kOne).minute_requests, limited ? 4 : 3);
      EXPECT_EQ(Read(kOne).minute_tokens, limited ? 50 + estimate : 50);
      c.ending(*request.ring);
      End();
      const store::KeyQuota after = Read(kOne);
      const int64_t tokens = limited ? c.tokens : c.unlimited_tokens;
      EXPECT_EQ(after.minute_requests, 3 + c.requests);
      EXPECT_EQ(after.day_requests, 3 + c.requests);
      EXPECT_EQ(after.minute_tokens, 50 + tokens);
      EXPECT_EQ(after.day_tokens, 50 + tokens);
    }
  }
}

TEST_F(KeyPoolTest, SettlementGoesToTheWindowThatWasReserved) {
  Start({{"quota.limits.1", "* rpm=5,rpd=100"}});
  PoolRequest request = Request({kOne});
  ASSERT_EQ(request->Take(About("", kBody)), std::nullopt);
  clock_.unix_s = kNow + 60;
  Use(kOne, 2, 0);
  request->Broke("x", KeyRing::Sent::kNo, 0, {});
  End();
  EXPECT_EQ(Read(kOne).minute_requests, 2) << "the next minute is not lowered";
  EXPECT_EQ(Read(kOne).day_requests, 2) << "the day is the same";
}

// Calls at the same time that are more than a minute's limit get the whole minute; no more than that is given back.
TEST_F(KeyPoolTest, CallsTogetherGiveBackWhatTheyTook) {
  Start({{"quota.limits.1", "* rpm=4,rpd=100"}});
  Use(kOne, 20, 0);
  clock_.unix_s = kNow + 60;
  CallSubject subject = About("", kBody);
  subject.calls = 8;
  PoolRequest request = Request({kOne});
  ASSERT_EQ(request->Take(subject), std::nullopt);
  EXPECT_EQ(Read(kOne).day_requests, 24);
  request->Broke("x", KeyRing::Sent::kNo, 0, {});
  End();
  EXPECT_EQ(Read(kOne).day_requests, 20);

  Start({{"quota.limits.1", "* rpm=4,rpd=100"}});
  PoolRequest again = Request({kOne});
  ASSERT_EQ(again->Take(subject), std::nullopt);
  again->Succeeded(Used(80));
  End();
  EXPECT_EQ(Read(kOne).day_requests, 28) << "all eight were made";
}

TEST_F(KeyPoolTest, RefusalTellsWhatToTryNextAndLetsTheKeyRest) {
  const struct {
    const char* name;
    gemini::Failure failure;
    NextStep next;
    int64_t disabled_s, cool_s;
  } cases[] = {
      {"invalid key", InvalidKey(), NextStep::kOtherKey, 86400, 0},
      {"minute", MinuteRefusal(), NextStep::kOtherKey, 0, 30},
      {"minute, a delay with a fraction", QuotaRefusal("GenerateContentInputTokensPerModelPerMinute", "9", "10.684s"),
       NextStep::kOtherKey, 0, 11},
      {"day", DayRefusal(), NextStep::kOtherKey, 0, kToMidnight},
      {"model", StatusOnly(404), NextStep::kOtherKeyOnce, 0, 600},
      {"overloaded", StatusOnly(503), NextStep::kSoon, 0, 0},
      {"capacity", StatusOnly(429), NextStep::kSoon, 0, 2},
      {"field", StatusOnly(400), NextStep::kNone, 0, 0},
  };
  for (const auto& c : cases) {
    StartAnew();
    PoolRequest request = Request({kOne});
    ASSERT_EQ(request->Take(About("", kBody)), std::nullopt);
    EXPECT_EQ(request->Refused(c.failure), c.next) << c.name;
    // At once, for all processes.
    const store::KeyQuota state = Read(kOne);
    EXPECT_EQ(state.disabled_until_s == 0 ? 0 : state.disabled_until_s - kNow, c.disabled_s) << c.name;
    EXPECT_EQ(state.cool_until_s == 0 ? 0 : state.cool_until_s - kNow, c.cool_s) << c.name;
    EXPECT_EQ(request->Refused(c.failure), NextStep::kNone) << c.name << ": no call is under way any more";
  }
}

// A request may wait for its key.
TEST_F(KeyPoolTest, KeyThatSaidNoIsAskedAgainAfterItsRest) {
  const struct {
    const char* name;
    gemini::Failure failure;
    int64_t rest_s;  // 0: not in this request
  } cases[] = {{"minute", MinuteRefusal(), 30}, {"object of another project", StatusOnly(403), 0}};
  for (const auto& c : cases) {
    StartAnew();
    clock_.unix_s = kNow;
    PoolRequest request = Request({kOne});
    ASSERT_EQ(request->Take(About("")), std::nullopt) << c.name;
    EXPECT_EQ(request->Refused(c.failure), NextStep::kOtherKey) << c.name;
    EXPECT_TRUE(request->Take(About("")).has_value()) << c.name;
    EXPECT_EQ(request->free_in_ms(), c.rest_s * 1000) << c.name;
    clock_.unix_s = kNow + std::max<int64_t>(c.rest_s, 1);
    EXPECT_EQ(request->Take(About("")).has_value(), c.rest_s == 0) << c.name;
  }
}

TEST_F(KeyPoolTest, WithoutADatabaseKeysAreChosenAllTheSame) {
  StartAnew({{"quota.limits.1", "* rpm=1"}});
  for (const char* end : {"", "-wal", "-shm"}) unlink((path_ + end).c_str());
  const auto keys = Keys(3);
  PoolRequest request = Request(keys);
  for (size_t i = 0; i < keys.size(); ++i) {
    ASSERT_EQ(request->Take(About("a")), std::nullopt);
    EXPECT_EQ(request->Refused(MinuteRefusal()), NextStep::kOtherKey);
  }
  EXPECT_TRUE(request->Take(About("a")).has_value()) << "each key that said no is left alone in this request";
}

}  // namespace
}  // namespace gc
