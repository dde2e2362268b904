// jobs_keys_test.cc: gemini-code-keys on databases that the store wrote.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sysexits.h>

#include <sstream>

#include "base/json.h"
#include "base/key_hash.h"
#include "handler/quota_error.h"
#include "jobs/keys.h"
#include "jobs/keys_words.h"
#include "jobs/printable.h"
#include "store/quota.h"
#include "support/fake_gemini.h"
#include "support/raw_server.h"
#include "unit/store_fixture.h"

namespace gc::jobs {
namespace {

using store::QuotaChange;
using Kind = store::QuotaChange::Kind;

constexpr int64_t kNow = 1795557600;  // 2026-11-24 22:00:00 UTC
const std::string kDead = "aaaa0000aaaa0000aaaa0000aaaa0000";
const std::string kTired = "bbbb0000bbbb0000bbbb0000bbbb0000";
const std::string kGood = "cccc0000cccc0000cccc0000cccc0000";
const std::string kSister = "cccc1111cccc1111cccc1111cccc1111";
constexpr char kModel[] = "gemini-9-flash";

TEST(KeysWords, EveryReasonOfTheHandlersHasSome) {
  for (int i = 0; i <= static_cast<int>(FailureClass::kNotAnAnswer); ++i) {
    const std::string_view name = MeaningOf(static_cast<FailureClass>(i)).name;
    EXPECT_NE(ReasonWords(name), name);
  }
  for (int i = 0; i <= static_cast<int>(ApiErrorKind::kInternal); ++i) {
    const std::string_view name = ErrorTypeName(static_cast<ApiErrorKind>(i));
    EXPECT_NE(ReasonWords(name), name);
  }
  EXPECT_EQ(ReasonWords("of a later version"), "of a later version");
  EXPECT_EQ(MeaningOf(FailureClass::kModelUnknown).name, kAvoidedReason);
  EXPECT_EQ(MeaningOf(FailureClass::kModelUnknown).effect, KeyEffect::kAvoid);
}

TEST(Printable, LeavesNothingThatATerminalObeys) {
  const struct {
    const char* name;
    std::string text, printed;
  } cases[] = {
      {"plain", "gemini-9 \xC3\xA9 \xF0\x9F\x98\x80", "gemini-9 \xC3\xA9 \xF0\x9F\x98\x80"},
      {"escape", "\x1B[2J", "\\u{1b}[2J"},
      {"line end and tab", "a\n\tb", "a\\u{a}\\u{9}b"},
      {"delete", "\x7F", "\\u{7f}"},
      {"control sequence introducer of one character", "\xC2\x9B", "\\u{9b}"},
      {"turned text", "\xE2\x80\xAE", "\\u{202e}"},
      {"no UTF-8",
       "\x9B"
       "31m",
       "\xEF\xBF\xBD"
       "31m"},
      {"zero byte", std::string("a\0b", 3), "a\\u{0}b"},
  };
  for (const auto& c : cases) EXPECT_EQ(Printable(c.text), c.printed) << c.name;
}

class KeysTest : public store::StoreTest {
 protected:
  KeysTest() {
    const auto up = store::Up(state_, store::Database::kState, store::DryRun::kNo, "test", 5000);
    EXPECT_TRUE(up.ok());
    clock_.unix_s = kNow;
    options_.database_path = db_;
    options_.state_path = state_;
  }

  void Apply(const std::vector<QuotaChange>& changes, int64_t at_s = kNow) {
    auto quota = store::Quota::Open(state_, 5000);
    ASSERT_TRUE(quota.ok()) << quota.error().message;
    ASSERT_TRUE(quota->Apply(changes, at_s).ok());
  }
  void Append(const store::RequestLogRow& row) {
    auto log = store::RequestLog::Open(db_, 5000);
    ASSERT_TRUE(log.ok()) << log.error().message;
    const Status s = log->Append({&row, 1});
    ASSERT_TRUE(s.ok()) << s.error().message;
  }
  void Used(const std::string& hash, int64_t at_s, int status = 200) {
    store::RequestLogRow row = store::FreshRow();
    row.api_key_hash = hash;
    row.timestamp_unix_s = at_s;
    row.response_time_ms = 100;
    row.status_code = status;
    Append(row);
  }
  // One dead key, one that rests, and two of one project.
  void Fill() {
    Used(kGood, kNow - 10);
    Used(kGood, kNow - 5, 503);
    Used(kTired, kNow - 90);
    Apply({{.kind = Kind::kDisable, .key_hash = kDead, .until_s = kNow + 3600, .reason = "invalid_key"},
           {.kind = Kind::kProject, .subject = "project/4711", .key_hash = kGood},
           {.kind = Kind::kProject, .subject = "project/4711", .key_hash = kSister},
           {.kind = Kind::kUse,
            .subject = "project/4711",
            .model = kModel,
            .windows = store::WindowsAt(kNow),
            .requests = 2,
            .tokens = 300},
           {.kind = Kind::kUse,
            .subject = kTired,
            .model = kModel,
            .windows = store::WindowsAt(kNow - 60),
            .requests = 4,
            .tokens = 9}},
          kNow - 60);
    Apply({{.kind = Kind::kCool,
            .subject = kTired,
            .model = kModel,
            .until_s = kNow + 50,
            .reason = "minute_requests",
            .limits = {.minute_requests = 5}},
           {.kind = Kind::kCool,
            .subject = kTired,
            .model = "gemini-9-pro",
            .until_s = kNow + 500,
            .reason = "model_unknown"}},
          kNow - 30);
  }

  int List(const std::string& config = {}) {
    Clear();
    return ListKeys(options_, Load(config), clock_, &console_);
  }
  int Explain(const std::string& id) {
    Clear();
    return ExplainRequest(options_, id, &console_);
  }
  int Unblock(const std::string& prefix) {
    Clear();
    return UnblockKeys(options_, prefix, Load(""), clock_, &console_);
  }
  int Test(const std::string& input, const std::string& upstream) {
    Clear();
    const std::string salt = dir_.Write("key.salt", std::string(KeyHasher::kSaltBytes, 's'));
    const Config config = Load("secret.salt_file = " + salt + "\nupstream.url = " + upstream + "\n");
    const int fd = open(dir_.Write("keys.txt", input).c_str(), O_RDONLY | O_CLOEXEC);
    const int code = TestKeys(options_, config, fd, &console_);
    close(fd);
    return code;
  }
  Config Load(const std::string& text) { return *Config::Load(dir_.Write("gemini-code.properties", text)); }
  void Clear() {
    out_.str("");
    err_.str("");
  }
  bool Says(const std::string& text) const { return out_.str().find(text) != std::string::npos; }
  // The first words of all lines that do not belong to the one above, but for the heading.
  std::string Listed() const {
    std::istringstream lines(out_.str());
    std::string line;
    std::string all;
    while (std::getline(lines, line)) {
      if (line[0] != ' ' && !line.starts_with("KEY ")) all += line.substr(0, line.find(' ')) + " ";
    }
    return all;
  }

  const std::string state_ = dir_.Path("state.db");
  store::MovableClock clock_;
  KeysOptions options_;
  std::ostringstream out_;
  std::ostringstream err_;
  Console console_{"gemini-code-keys", out_, err_};
};

TEST_F(KeysTest, ListTellsTroubleFirst) {
  Fill();
  ASSERT_EQ(List("quota.limits.1 = * tpm=1000\n"), EX_OK) << err_.str();
  EXPECT_EQ(Listed(), "aaaa0000 bbbb0000 cccc0000 cccc1111 ") << out_.str();
  for (
      const char* text :
      {"aaaa0000  disabled  2026-11-24T23:00:00Z  never                        -       -       -  Google says that the "
       "key is not valid, or has expired\n",
       "bbbb0000  resting   2026-11-24T22:00:50Z  2026-11-24T21:58:30Z         1       0     100  Google's limit of "
       "requests a minute\n",
       "    gemini-9-flash: rests until 2026-11-24T22:00:50Z (Google's limit of requests a minute); this minute 0 of 5 "
       "requests, 0 of 1000 input tokens; this day 4 requests, 9 input tokens; limits learned 30 s ago, others "
       "configured; failures in a row: 1\n",
       "    gemini-9-pro: asked last until 2026-11-24T22:08:20Z (the key's project does not have this model)",
       "cccc0000  ok        -                     2026-11-24T21:59:55Z         2       1     100\n"
       "    project/4711, as an error of Google's named it: shared with cccc1111\n"
       "    gemini-9-flash: this minute 2 requests, 300 of 1000 input tokens; this day 2 requests, 300 input tokens; "
       "limits configured\n"}) {
    EXPECT_TRUE(Says(text)) << "missing: " << text << "\n" << out_.str();
  }
}

TEST_F(KeysTest, ListIsNarrowed) {
  Fill();
  const struct {
    const char* name;
    std::string model;
    std::optional<KeyCondition> condition;
    int64_t limit;
    const char* listed;
  } cases[] = {
      {"all", "", std::nullopt, 0, "aaaa0000 bbbb0000 cccc0000 cccc1111 "},
      {"one model", "gemini-9-pro", std::nullopt, 0, "bbbb0000 "},
      {"unknown model", "gemini-1", std::nullopt, 0, "no "},
      {"resting", "", KeyCondition::kResting, 0, "bbbb0000 "},
      {"resting, for a model that it only avoids", "gemini-9-pro", KeyCondition::kResting, 0, "no "},
      {"ok", "", KeyCondition::kOk, 0, "cccc0000 cccc1111 "},
      {"disabled", "", KeyCondition::kDisabled, 0, "aaaa0000 "},
      {"two", "", std::nullopt, 2, "aaaa0000 bbbb0000 2 "},
  };
  for (const auto& c : cases) {
    options_.model = c.model;
    options_.condition = c.condition;
    options_.limit = c.limit;
    EXPECT_EQ(List(), EX_OK) << c.name;
    EXPECT_EQ(Listed(), c.listed) << c.name << ": " << out_.str();
  }
}

TEST_F(KeysTest, ListForProgramsHasWholeHashesAndNumbers) {
  Fill();
  console_.format = OutputFormat::kJson;
  ASSERT_EQ(List(), EX_OK);
  const auto document = json::Document::Parse(out_.str());
  ASSERT_TRUE(document.ok()) << out_.str();
  const auto keys = document->root().Find("keys")->Items();
  ASSERT_EQ(keys.size(), 4U);
  EXPECT_EQ(keys[0].StringOr("key_hash", ""), kDead);
  EXPECT_TRUE(keys[0].Find("use")->IsNull());
  const json::Value& quota = keys[1].Find("models")->Items()[0];
  EXPECT_EQ(json::ToText(*quota.Find("minute_requests")), R"({"used":0,"limit":5,"source":"learned"})");
  EXPECT_EQ(json::ToText(*quota.Find("day_requests")), R"({"used":4,"limit":null,"source":"unknown"})");
  EXPECT_EQ(quota.IntOr("rests_until", 0), kNow + 50);
  EXPECT_EQ(json::ToText(*keys[2].Find("shared_with")), "[\"" + kSister + "\"]");
}

TEST_F(KeysTest, WhatIsOldDoesNotCount) {
  Fill();
  clock_.unix_s = kNow + 108'000;  // thirty hours
  ASSERT_EQ(List(), EX_OK);
  EXPECT_EQ(Listed(), "cccc0000 bbbb0000 aaaa0000 cccc1111 ") << "all are ok, by their last use";
  EXPECT_TRUE(
      Says("gemini-9-flash: this minute 0 requests, 0 input tokens; this day 0 requests, 0 input tokens; limits "
           "unknown; failures in a row: 1"))
      << out_.str();
}

store::RequestLogRow LongStory() {
  store::RequestLogRow row = store::FullRow("0193aaaa-0000-7000-8000-000000000001");
  row.timestamp_unix_s = kNow;
  row.original_model = "gpt\x1B[31m";
  row.api_key_hash = kGood;
  row.attempts = 2;
  row.key_attempts = {
      {.key_hash = kTired, .reason = "day_quota", .start_ms = 1, .rests_until_unix_s = kNow + 3600},
      {.key_hash = kDead,
       .called = true,
       .reason = "invalid_key",
       .status_code = 400,
       .start_ms = 2,
       .duration_ms = 40,
       .rests_until_unix_s = kNow + 86400},
      {.key_hash = kGood, .called = true, .status_code = 200, .start_ms = 43, .duration_ms = 900},
  };
  return row;
}

TEST_F(KeysTest, ExplainTellsTheWayThroughTheKeys) {
  Append(LongStory());
  ASSERT_EQ(Explain("0193aaaa"), EX_OK) << err_.str();
  EXPECT_EQ(
      out_.str(),
      "request 0193aaaa-0000-7000-8000-000000000001 of 2026-11-24T22:00:00Z: status 200\n"
      "  openai client, /v1/chat/completions, model gemini-2.5-flash (asked for as gpt\\u{1b}[31m)\n"
      "  1500 ms, the answer began after 300 ms; 100 input tokens (10 cached), 40 output tokens (15 thoughts); "
      "finish reason STOP\n"
      "  1. at 1 ms, key bbbb0000: passed over: Google's limit for the day, which ends at midnight in California; "
      "rests until 2026-11-24T23:00:00Z\n"
      "  2. at 2 ms, key aaaa0000: called for 40 ms, status 400: Google says that the key is not valid, or has "
      "expired; rests until 2026-11-25T22:00:00Z\n"
      "  3. at 43 ms, key cccc0000: called for 900 ms, status 200, answered\n");
  console_.format = OutputFormat::kJson;
  ASSERT_EQ(Explain("0193aaaa-0000-7000-8000-000000000001"), EX_OK);
  const auto document = json::Document::Parse(out_.str());
  ASSERT_TRUE(document.ok()) << out_.str();
  EXPECT_EQ(document->root().Find("attempts")->Items().size(), 3U);
}

TEST_F(KeysTest, ExplainFromTheRowAlone) {
  store::RequestLogRow plain = store::FullRow("0193bbbb-0000-7000-8000-000000000001");
  Append(plain);
  EXPECT_EQ(Explain(plain.id), EX_OK);
  EXPECT_TRUE(Says("  1. at 0 ms, key 01234567: called for 1500 ms, answered\n")) << out_.str();

  store::RequestLogRow refused = store::FullRow("0193bbbb-0000-7000-8000-000000000002");
  refused.status_code = 429;
  refused.has_error = true;
  refused.error_type = "quota_exhausted";
  refused.error_message = "out of quota";
  refused.attempts = 0;
  refused.input_tokens = refused.output_tokens = std::nullopt;
  Append(refused);
  EXPECT_EQ(Explain(refused.id), EX_OK);
  EXPECT_TRUE(Says("error: no key has quota until midnight in California (quota_exhausted)")) << out_.str();
  EXPECT_TRUE(Says("no key was called")) << out_.str();
}

TEST_F(KeysTest, ExplainWantsOneRequest) {
  Append(store::FullRow("0193bbbb-0000-7000-8000-000000000001"));
  Append(store::FullRow("0193bbbb-0000-7000-8000-000000000002"));
  Append(store::FullRow("0193dddd-0000-7000-8000-000000000003"));
  const struct {
    const char* name;
    const char* id;
    int code;
  } cases[] = {
      {"whole", "0193bbbb-0000-7000-8000-000000000002", EX_OK},
      {"unique beginning", "0193dddd", EX_OK},
      {"two begin so", "0193bbbb", EX_USAGE},
      {"too short", "0193bbb", EX_USAGE},
      {"none", "", EX_USAGE},
      {"no id", "0193bbbb%", EX_USAGE},
      {"upper case", "0193BBBB-0000-7000-8000-000000000002", EX_USAGE},
      {"too long", "0193bbbb-0000-7000-8000-0000000000020", EX_USAGE},
      {"unknown", "0193cccc", EX_NOINPUT},
  };
  for (const auto& c : cases) EXPECT_EQ(Explain(c.id), c.code) << c.name << ": " << err_.str();
}

TEST_F(KeysTest, UnblockClearsAndSaysWhat) {
  const struct {
    const char* name;
    const char* prefix;
    const char* model;
    const char* says;
    const char* left;  // disabled keys, and quota rows that rest, have failures or a learned limit
  } cases[] = {
      {"a dead key", "aaaa", "", "cleared aaaa0000: disabled until 2026-11-24T23:00:00Z (Google says", "0|2"},
      {"a tired key", "bbbb0000", "",
       "cleared bbbb0000: gemini-9-flash: rest until 2026-11-24T22:00:50Z (Google's limit of requests a minute), "
       "failures in a row, limits that Google named\ncleared bbbb0000: gemini-9-pro: rest until",
       "1|0"},
      {"one model only", "bbbb", "gemini-9-pro", "cleared bbbb0000: gemini-9-pro: rest until", "1|1"},
      {"one that is well", "cccc0000", "", "nothing to clear", "1|2"},
      {"all", "", "", "cleared aaaa0000: disabled", "0|0"},
      {"all, one model", "", "gemini-9-flash", "cleared bbbb0000: gemini-9-flash", "1|1"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    for (const char* end : {"", "-wal", "-shm"}) unlink((state_ + end).c_str());
    ASSERT_TRUE(store::Up(state_, store::Database::kState, store::DryRun::kNo, "test", 5000).ok());
    Fill();
    options_.model = c.model;
    options_.all_keys = c.prefix[0] == '\0';
    options_.dry_run = true;
    ASSERT_EQ(Unblock(c.prefix), EX_OK) << err_.str();
    const std::string would = out_.str();
    EXPECT_EQ(RowsOf(state_,
                     "SELECT (SELECT count(*) FROM keys WHERE disabled_until > 0), count(*) FROM quota WHERE "
                     "cool_until + failures + limits_at > 0"),
              "1|2")
        << "a dry run changes nothing";
    options_.dry_run = false;
    ASSERT_EQ(Unblock(c.prefix), EX_OK) << err_.str();
    EXPECT_TRUE(Says(c.says)) << out_.str();
    EXPECT_EQ(std::count(would.begin(), would.end(), '\n'), std::count(out_.view().begin(), out_.view().end(), '\n'));
    EXPECT_EQ(RowsOf(state_,
                     "SELECT (SELECT count(*) FROM keys WHERE disabled_until > 0), count(*) FROM quota WHERE "
                     "cool_until + failures + limits_at > 0"),
              c.left);
    EXPECT_EQ(RowsOf(state_, "SELECT sum(day_requests) FROM quota"), "6") << "what was used stays";
  }
  EXPECT_EQ(Int("SELECT count(*) FROM job_runs WHERE job = 'keys' AND rc = 0"), 6) << "and no dry run";
}

TEST_F(KeysTest, UnblockWantsOneKey) {
  Fill();
  const struct {
    const char* name;
    const char* prefix;
    bool all;
    int code;
  } cases[] = {
      {"neither", "", false, EX_USAGE},      {"both", "aaaa", true, EX_USAGE},
      {"too short", "aaa", false, EX_USAGE}, {"no hash", "aaaz", false, EX_USAGE},
      {"two keys", "cccc", false, EX_USAGE}, {"none", "dddd", false, EX_NOINPUT},
  };
  for (const auto& c : cases) {
    options_.all_keys = c.all;
    EXPECT_EQ(Unblock(c.prefix), c.code) << c.name << ": " << err_.str();
  }
  options_.all_keys = false;
  options_.model = kModel;
  EXPECT_EQ(Unblock("aaaa"), EX_OK);
  EXPECT_NE(err_.str().find("stays disabled for all models"), std::string::npos) << err_.str();
}

TEST_F(KeysTest, TestAsksGoogleAndKeepsKeysToItself) {
  test::FakeGemini fake;
  ASSERT_TRUE(fake.Start().ok());
  const std::string nobody = "http://127.0.0.1:" + std::to_string(UnusedPort());
  const struct {
    const char* name;
    std::string input;
    std::string upstream;
    int code;
    const char* says;
  } cases[] = {
      {"good", "test-key-good\n", fake.base_url(), EX_OK, "  ok\n"},
      {"several, in all separators", "test-key-a,test-key-b, test-key-c\r\ntest-key-d", fake.base_url(), EX_OK,
       "  ok\n"},
      {"one is not valid", "test-key-good,test-key-invalid-x", fake.base_url(), kExitFindings,
       "  refused: 400 INVALID_ARGUMENT API_KEY_INVALID: API key not valid."},
      {"suspended", "test-key-suspended-x", fake.base_url(), kExitFindings, "  refused: 403 PERMISSION_DENIED"},
      {"nobody there", "test-key-good", nobody, EX_UNAVAILABLE, "  no answer: "},
      {"none", " \n,", fake.base_url(), EX_USAGE, ""},
      {"no keys at all", "test-key\x01", fake.base_url(), EX_DATAERR, ""},
      {"too much", std::string(70'000, 'x'), fake.base_url(), EX_DATAERR, ""},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Test(c.input, c.upstream), c.code) << c.name << ": " << out_.str() << err_.str();
    EXPECT_TRUE(Says(c.says)) << c.name << ": " << out_.str();
    EXPECT_EQ((out_.str() + err_.str()).find("test-key"), std::string::npos) << c.name;
  }
  EXPECT_EQ(Test("test-key-a,test-key-b", fake.base_url()), EX_OK);
  EXPECT_EQ(std::count(out_.view().begin(), out_.view().end(), '\n'), 2);
  const auto hasher = KeyHasher::Load(dir_.Path("key.salt"));
  ASSERT_TRUE(hasher.ok());
  EXPECT_TRUE(Says(hasher->Hash("test-key-a").substr(0, 8))) << out_.str();
}

TEST_F(KeysTest, SaysWhatIsMissing) {
  EXPECT_EQ(List(), EX_OK);
  EXPECT_EQ(out_.str(), "no keys\n");
  options_.state_path = dir_.Path("none.db");
  EXPECT_EQ(List(), EX_NOINPUT);
  options_.state_path = db_;
  EXPECT_EQ(List(), EX_CONFIG);
}

}  // namespace
}  // namespace gc::jobs
