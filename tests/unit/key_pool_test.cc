// key_pool_test.cc: which key a call goes out with: rest, rank, conversations, and many keys.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>

#include "base/pacific.h"
#include "unit/key_pool_fixture.h"

namespace gc {
namespace {

int Count(const std::vector<std::string>& all, const std::string& one) {
  return static_cast<int>(std::count(all.begin(), all.end(), one));
}

TEST_F(KeyPoolTest, OneKeyGoesStraightThroughUnlessItRests) {
  const std::string key = "test-key-one";
  const struct {
    const char* name;
    int64_t disabled_s, cool_s;  // from now
    const char* reason;
    const char* model;
    bool goes;
  } cases[] = {
      {"never seen", 0, 0, "", kPoolModel, true},
      {"disabled", 10, 0, "invalid_key", kPoolModel, false},
      {"disabled, and no model is asked for", 10, 0, "invalid_key", "", false},
      {"disabled until now", 1, 0, "invalid_key", kPoolModel, true},
      {"cool", 0, 10, "minute_requests", kPoolModel, false},
      {"cool until now", 0, 1, "minute_requests", kPoolModel, true},
      {"cool for another model", 0, 10, "minute_requests", "gemini-9-pro", true},
      {"cool, and no model is asked for", 0, 10, "minute_requests", "", true},
      {"does not have the model: the only key is asked all the same", 0, 10, "model_unknown", kPoolModel, true},
  };
  for (const auto& c : cases) {
    StartAnew();
    clock_.unix_s = kNow;
    if (c.disabled_s > 0) Disable(key, kNow + c.disabled_s, c.reason);
    if (c.cool_s > 0) Cool(key, kNow + c.cool_s, c.reason);
    clock_.unix_s = kNow + 1;
    EXPECT_EQ(KeyFor({key}, {.model = c.model, .body = {}, .conversation = {}}), c.goes ? key : "") << c.name;
  }
}

TEST_F(KeyPoolTest, WhatIsLeftOfAKeyIsItsShare) {
  const std::string full = "test-key-full";
  const std::string used = "test-key-used";
  const struct {
    const char* name;
    const char *minute_requests, *minute_tokens, *day_requests;  // weights
    int64_t requests, tokens;  // used of the 10 and 250,000 a minute, and 250 a day, that are usual
    int percent;               // of all conversations, for the used key
  } cases[] = {
      {"nothing used", "1", "1", "2", 0, 0, 50},           {"requests, by the minute", "1", "0", "0", 7, 0, 23},
      {"requests, by the day", "0", "0", "1", 125, 0, 33}, {"requests, and only tokens count", "0", "1", "0", 7, 0, 50},
      {"tokens", "0", "1", "0", 1, 187'500, 20},           {"all three, by weight", "1", "1", "2", 5, 125'000, 43},
      {"nothing counts", "0", "0", "0", 7, 125'000, 50},
  };
  for (const auto& c : cases) {
    StartAnew({{"pool.weight_minute_requests", c.minute_requests},
               {"pool.weight_minute_tokens", c.minute_tokens},
               {"pool.weight_day_requests", c.day_requests}});
    if (c.requests > 0) Use(used, c.requests, c.tokens);
    const int share = Count(KeysOfConversations({full, used}, 1000), used);
    EXPECT_NEAR(share, c.percent * 10, 50) << c.name;
  }
}

TEST_F(KeyPoolTest, FailuresLowerTheRank) {
  const std::string good = "test-key-good";
  const std::string bad = "test-key-bad";
  const struct {
    const char* name;
    int failures;
    int percent;
  } cases[] = {{"none", 0, 50}, {"one", 1, 33}, {"three", 3, 20}, {"no more than eight count", 50, 10}};
  for (const auto& c : cases) {
    StartAnew();
    for (int i = 0; i < c.failures; ++i) Cool(bad, kNow - 1, "shared_capacity");
    EXPECT_NEAR(Count(KeysOfConversations({good, bad}, 1000), bad), c.percent * 10, 50) << c.name;
  }
  StartAnew();
  Cool(bad, kNow + 600, "model_unknown");
  EXPECT_EQ(Count(KeysOfConversations({good, bad}, 300), bad), 0) << "it does not have the model";
  Disable(good, kNow + 600, "invalid_key");
  EXPECT_EQ(KeyFor({good, bad}, About("a")), bad) << "nor has any other";
}

TEST_F(KeyPoolTest, SuccessMakesGoodAgain) {
  const std::string key = "test-key-a";
  Cool(key, kNow - 1, "shared_capacity");
  ASSERT_EQ(Read(key).failures, 1);
  PoolRequest request = Request({key});
  ASSERT_EQ(request->Take(About("a")), std::nullopt);
  request->Succeeded({});
  End();
  EXPECT_EQ(Read(key).failures, 0);
}

TEST_F(KeyPoolTest, ConversationsSpreadEvenlyAndStay) {
  const auto keys = Keys(5);
  const auto before = KeysOfConversations(keys, 2000);
  for (const std::string& key : keys) {
    EXPECT_GE(Count(before, key), 200) << key;
    EXPECT_LE(Count(before, key), 600) << key;
  }
  Start();
  EXPECT_EQ(KeysOfConversations(keys, 2000), before) << "another process chooses the same";
  auto turned = keys;
  std::reverse(turned.begin(), turned.end());
  EXPECT_EQ(KeysOfConversations(turned, 2000), before) << "the order of the list does not matter";
}

TEST_F(KeyPoolTest, KeyThatRunsLowLosesConversationsBitByBit) {
  const auto keys = Keys(5);
  auto before = KeysOfConversations(keys, 2000);
  for (int step = 0; step < 4; ++step) {
    Use(keys[0], 2, 60'000);
    const auto after = KeysOfConversations(keys, 2000);
    for (size_t i = 0; i < after.size(); ++i) {
      if (before[i] == keys[0]) continue;
      ASSERT_EQ(after[i], before[i]) << "step " << step << ": only the key's own conversations may move";
    }
    const int left = Count(after, keys[0]);
    EXPECT_LT(left, Count(before, keys[0])) << "step " << step;
    EXPECT_GT(left, 0) << "step " << step << ": not all at once";
    before = after;
  }
}

TEST_F(KeyPoolTest, ClientsNameOfTheConversationGoesBeforeItsText) {
  const auto keys = Keys(8);
  std::set<std::string> by_text;
  std::set<std::string> by_name;
  for (int i = 0; i < 40; ++i) {
    const std::string body = R"({"contents":[{"parts":[{"text":"question )" + std::to_string(i) + R"("}]}]})";
    by_text.insert(KeyFor(keys, About("", body)));
    by_name.insert(KeyFor(keys, About("session-1", body)));
  }
  EXPECT_GT(by_text.size(), 4U);
  EXPECT_EQ(by_name.size(), 1U);
}

// The second turn holds the first one's contents and more; a conversation has to be known by what both have.
TEST_F(KeyPoolTest, TurnsOfAConversationAreKnownByTheirFirstContent) {
  const auto keys = Keys(16);
  const struct {
    const char* name;
    std::string before, first, more;  // around and between; @ in `first` becomes the conversation's number
  } cases[] = {
      {"as we write it", R"({"contents":[)", R"({"role":"user","parts":[{"text":"talk @"}]})",
       R"(,{"role":"model","parts":[{"text":"answer"}]})"},
      {"as people write it", "{\n \"contents\": [\n  ", "{\n   \"parts\": [ { \"text\": \"talk @\" } ]\n  }",
       ",\n  { \"role\": \"model\", \"parts\": [ { \"text\": \"answer\" } ] }"},
      {"settings first", R"({"systemInstruction":{"parts":[{"text":"be kind"}]},"contents":[)",
       R"({"parts":[{"text":"talk @"}]})", R"(,{"role":"model","parts":[{"text":"answer"}]})"},
      {"braces and quotes in the text", R"({"contents":[)", R"({"parts":[{"text":"}]} \"} \\"},{"text":"talk @"}]})",
       R"(,{"role":"model","parts":[{"text":"answer"}]})"},
      {"longer than what is looked at", R"({"contents":[)",
       R"({"parts":[{"text":"talk @)" + std::string(5000, 'x') + R"("}]})",
       R"(,{"role":"model","parts":[{"text":"answer"}]})"},
      {"the word in the text", R"({"contents":[)", R"({"parts":[{"text":"\"contents\":[{}] talk @"}]})",
       R"(,{"role":"model","parts":[{"text":"answer"}]})"},
  };
  for (const auto& c : cases) {
    std::set<std::string> used;
    for (int i = 0; i < 40; ++i) {
      std::string first = c.first;
      first.replace(first.find('@'), 1, std::to_string(i));
      std::string turns = c.before + first;
      const std::string key = KeyFor(keys, About("", turns + "]}"));
      used.insert(key);
      for (int turn = 2; turn <= 4; ++turn) {
        turns += c.more;
        ASSERT_EQ(KeyFor(keys, About("", turns + "]}")), key) << c.name << ": talk " << i << ", turn " << turn;
      }
    }
    EXPECT_GT(used.size(), 8U) << c.name << ": different conversations are told apart";
  }
}

TEST_F(KeyPoolTest, ARequestDoesNotAskAKeyTwiceWhileThereIsAnother) {
  const auto keys = Keys(5);
  PoolRequest request = Request(keys);
  std::vector<std::string> asked;
  for (size_t i = 0; i < keys.size(); ++i) {
    ASSERT_EQ(request->Take(About("a")), std::nullopt);
    asked.push_back(request->key());
    EXPECT_EQ(request->Refused(StatusOnly(503)), NextStep::kSoon);
  }
  EXPECT_EQ(std::set<std::string>(asked.begin(), asked.end()).size(), keys.size());
  ASSERT_EQ(request->Take(About("a")), std::nullopt);
  EXPECT_EQ(request->key(), asked.front()) << "the second round begins with the conversation's favourite";
}

TEST_F(KeyPoolTest, MoreKeysThanAreLookedAtTogether) {
  const auto keys = Keys(256);
  const auto chosen = KeysOfConversations(keys, 2000);
  const std::set<std::string> used(chosen.begin(), chosen.end());
  EXPECT_GT(used.size(), 250U) << "all of them get some of 2,000 conversations";
  for (const std::string& key : used) EXPECT_LE(Count(chosen, key), 40) << key;

  for (const std::string& key : keys) {
    if (key != keys[200]) Cool(key, kNow + 50, "minute_requests");
  }
  for (const std::string name : {"a", "b", "c"}) EXPECT_EQ(KeyFor(keys, About(name)), keys[200]) << name;

  Cool(keys[200], kNow + 20, "minute_requests");
  PoolRequest request = Request(keys);
  const auto error = request->Take(About("a"));
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind, ApiErrorKind::kRateLimited);
  EXPECT_EQ(error->retry_after_s, 20) << "the first of all that may be asked again";
  EXPECT_EQ(request->TakeAttempts().size(), keys.size());
}

TEST_F(KeyPoolTest, AttemptsTellWhyEachKeyWasPassedOverOnce) {
  const auto keys = Keys(3);
  Disable(keys[0], kNow + 600, "suspended_key");
  Cool(keys[1], kNow + 30, "minute_tokens");
  PoolRequest request = Request(keys);
  ASSERT_EQ(request->Take(About("a")), std::nullopt);
  EXPECT_EQ(request->Refused(StatusOnly(500)), NextStep::kSoonOnce);
  ASSERT_EQ(request->Take(About("a")), std::nullopt);
  request->Succeeded({});
  std::multiset<std::string> told;
  for (const store::KeyAttempt& a : request->TakeAttempts()) {
    std::string line = a.key_hash == HashOf(keys[0]) ? "0 " : a.key_hash == HashOf(keys[1]) ? "1 " : "2 ";
    line += (a.called ? "called " : "passed ") + a.reason + " " + std::to_string(a.status_code);
    if (a.rests_until_unix_s > 0) line += " rests " + std::to_string(a.rests_until_unix_s - kNow);
    told.insert(line);
  }
  const std::multiset<std::string> expected = {"0 passed suspended_key 0 rests 600",
                                               "1 passed minute_tokens 0 rests 30", "2 called upstream_error 500",
                                               "2 called  200"};
  EXPECT_EQ(told, expected);
}

TEST(EstimateTokens, CountsTextAndNotTheSizeOfFiles) {
  const struct {
    const char* name;
    std::string body;
    int64_t least, most;
  } cases[] = {
      {"empty", "", 0, 0},
      {"four bytes of text a token", R"({"text":")" + std::string(4000, 'a') + "\"}", 1000, 1010},
      {"long text with blanks is text", R"({"text":")" + std::string(4000, 'a') + " " + std::string(40000, 'b') + "\"}",
       11'000, 11'010},
      {"an image of a megabyte", R"({"data":")" + std::string(1 << 20, 'A') + "\"}", 258, 270},
      {"two of them",
       R"({"data":")" + std::string(1 << 20, 'A') + R"("},{"data":")" + std::string(1 << 20, 'A') + "\"}", 516, 540},
      {"no quotes at all", std::string(400, '1'), 100, 101},
  };
  for (const auto& c : cases) {
    EXPECT_GE(EstimateTokens(c.body), c.least) << c.name;
    EXPECT_LE(EstimateTokens(c.body), c.most) << c.name;
  }
}

}  // namespace
}  // namespace gc
