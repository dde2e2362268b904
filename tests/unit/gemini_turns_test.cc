// gemini_turns_test.cc: every order of messages that clients send becomes one that Gemini takes.
// SPDX-License-Identifier: MIT
#include "handler/gemini_turns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace gc {
namespace {

using Fill = std::function<void(GeminiTurns*)>;

std::string Written(const Fill& fill, std::string_view model = "gemini-2.5-flash", const Signing& signing = {}) {
  GeminiTurns turns;
  fill(&turns);
  std::string text;
  json::Writer w(&text);
  turns.Write(&w, FamilyOf(model), signing);
  return text;
}

// Knows some calls, and counts how often it was asked for which.
class KnownSignatures final : public CallSignatures {
 public:
  explicit KnownSignatures(std::vector<SignedCall> known) : known_(std::move(known)) {}
  std::vector<SignedCall> Find(std::span<const std::string_view> call_ids) override {
    ++queries;
    asked.assign(call_ids.begin(), call_ids.end());
    std::sort(asked.begin(), asked.end());
    return known_;
  }
  void Keep(std::span<const SignedCall>) override {}

  int queries = 0;
  std::vector<std::string> asked;

 private:
  std::vector<SignedCall> known_;
};

std::string User(const std::string& parts) { return R"({"role":"user","parts":[)" + parts + "]}"; }
std::string Model(const std::string& parts) { return R"({"role":"model","parts":[)" + parts + "]}"; }
std::string Text(const std::string& text) { return R"({"text":")" + text + R"("})"; }
std::string CallPart(const std::string& id, const std::string& args = "{}", const std::string& signature = "") {
  const std::string sign = signature.empty() ? "" : R"(,"thoughtSignature":")" + signature + "\"";
  return R"({"functionCall":{"id":")" + id + R"(","name":"f","args":)" + args + "}" + sign + "}";
}
std::string Result(const std::string& id, const std::string& response) {
  return R"({"functionResponse":{"id":")" + id + R"(","name":"f","response":)" + response + "}}";
}

struct Case {
  const char* name;
  Fill fill;
  std::string expected;  // without the brackets of the array
};

class Turns : public testing::TestWithParam<Case> {};

TEST_P(Turns, Written) { EXPECT_EQ(Written(GetParam().fill), "[" + GetParam().expected + "]"); }

const Case kCases[] = {
    {"Empty", [](GeminiTurns*) {}, ""},
    {"EmptyTextIsDropped",
     [](GeminiTurns* t) {
       t->AddUserText("");
       t->AddUserText("a");
       t->AddModelText("", "");
     },
     User(Text("a"))},
    {"SameRoleMerges",
     [](GeminiTurns* t) {
       t->AddUserText("a");
       t->AddUserText("b");
       t->AddModelText("c", "");
       t->AddModelText("d", "");
       t->AddUserText("e");
     },
     User(Text("a") + "," + Text("b")) + "," + Model(Text("c") + "," + Text("d")) + "," + User(Text("e"))},
    {"ModelFirstAndLast", [](GeminiTurns* t) { t->AddModelText("a", ""); },
     User(Text(".")) + "," + Model(Text("a")) + "," + User(Text("Continue."))},
    {"SignedEmptyTextIsKept",
     [](GeminiTurns* t) {
       t->AddUserText("a");
       t->AddModelText("", "EgM=");
       t->AddUserText("b");
     },
     User(Text("a")) + "," + Model(R"({"text":"","thoughtSignature":"EgM="})") + "," + User(Text("b"))},
    {"ForeignSignatureIsDropped",
     [](GeminiTurns* t) {
       t->AddUserText("a");
       t->AddModelText("x", "not base64!");
       t->AddModelText("", "=");
       t->AddUserText("b");
     },
     User(Text("a")) + "," + Model(Text("x")) + "," + User(Text("b"))},
    {"ResultsInTheOrderOfTheCalls",
     [](GeminiTurns* t) {
       t->AddUserText("a");
       t->AddCall("1", "f", "{}", "");
       t->AddCall("2", "f", "{}", "");
       t->AddResult("2", "two");
       t->AddResult("1", "one");
     },
     User(Text("a")) + "," + Model(CallPart("1") + "," + CallPart("2")) + "," +
         User(Result("1", R"({"output":"one"})") + "," + Result("2", R"({"output":"two"})"))},
    {"ResultsBeforeOtherText",
     [](GeminiTurns* t) {
       t->AddUserText("a");
       t->AddCall("1", "f", "{}", "");
       t->AddUserText("meanwhile");
       t->AddResult("1", "one");
     },
     User(Text("a")) + "," + Model(CallPart("1")) + "," +
         User(Result("1", R"({"output":"one"})") + "," + Text("meanwhile"))},
    {"ALateResultGoesBackToItsCall",
     [](GeminiTurns* t) {
       t->AddUserText("a");
       t->AddCall("1", "f", "{}", "");
       t->AddUserText("b");
       t->AddModelText("c", "");
       t->AddResult("1", "one");
       t->AddUserText("d");
     },
     User(Text("a")) + "," + Model(CallPart("1")) + "," + User(Result("1", R"({"output":"one"})") + "," + Text("b")) +
         "," + Model(Text("c")) + "," + User(Text("d"))},
    {"AnUnansweredCallIsAnswered",
     [](GeminiTurns* t) {
       t->AddUserText("a");
       t->AddCall("1", "f", "{}", "");
       t->AddCall("2", "f", "{}", "");
       t->AddResult("2", "two");
       t->AddUserText("b");
     },
     User(Text("a")) + "," + Model(CallPart("1") + "," + CallPart("2")) + "," +
         User(Result("1", R"({"error":"no result"})") + "," + Result("2", R"({"output":"two"})") + "," + Text("b"))},
    {"ACallAtTheEndIsAnswered",
     [](GeminiTurns* t) {
       t->AddUserText("a");
       t->AddCall("1", "f", "{}", "");
     },
     User(Text("a")) + "," + Model(CallPart("1")) + "," + User(Result("1", R"({"error":"no result"})"))},
    {"CallsFirst",
     [](GeminiTurns* t) {
       t->AddCall("1", "f", "{}", "");
       t->AddResult("1", "r");
     },
     User(Text(".")) + "," + Model(CallPart("1")) + "," + User(Result("1", R"({"output":"r"})"))},
    {"TwoSteps",
     [](GeminiTurns* t) {
       t->AddUserText("a");
       t->AddCall("1", "f", "{}", "");
       t->AddResult("1", "r");
       t->AddModelText("b", "");
       t->AddCall("2", "f", "{}", "");
       t->AddResult("2", "s");
     },
     User(Text("a")) + "," + Model(CallPart("1")) + "," + User(Result("1", R"({"output":"r"})")) + "," +
         Model(Text("b") + "," + CallPart("2")) + "," + User(Result("2", R"({"output":"s"})"))},
    {"UnknownIdBecomesText",
     [](GeminiTurns* t) {
       t->AddUserText("a");
       t->AddResult("zzz", "r");
     },
     User(Text("a") + "," + Text("Tool result (zzz): r"))},
    {"ASecondResultBecomesText",
     [](GeminiTurns* t) {
       t->AddUserText("a");
       t->AddCall("1", "f", "{}", "");
       t->AddResult("1", "r");
       t->AddResult("1", "s");
     },
     User(Text("a")) + "," + Model(CallPart("1")) + "," +
         User(Result("1", R"({"output":"r"})") + "," + Text("Tool result (1): s"))},
    {"AnIdUsedAgainInALaterTurn",
     [](GeminiTurns* t) {
       t->AddUserText("a");
       for (const char* result : {"r", "s"}) {
         t->AddCall("1", "f", "{}", "");
         t->AddResult("1", result);
       }
     },
     User(Text("a")) + "," + Model(CallPart("1")) + "," + User(Result("1", R"({"output":"r"})")) + "," +
         Model(CallPart("1")) + "," + User(Result("1", R"({"output":"s"})"))},
    {"AnIdUsedTwiceInOneTurn",
     [](GeminiTurns* t) {
       t->AddUserText("a");
       t->AddCall("1", "f", "{}", "");
       t->AddCall("1", "f", "{}", "");
       t->AddResult("1", "r");
       t->AddResult("1", "s");
     },
     User(Text("a")) + "," + Model(CallPart("1") + "," + CallPart("1")) + "," +
         User(Result("1", R"({"output":"r"})") + "," + Result("1", R"({"output":"s"})"))},
};

INSTANTIATE_TEST_SUITE_P(Orders, Turns, testing::ValuesIn(kCases), [](const auto& turns) { return turns.param.name; });

TEST(GeminiTurns, ArgumentsStayTextOrAreWrapped) {
  struct ArgumentCase {
    std::string_view arguments;
    std::string expected;
  };
  const ArgumentCase cases[] = {
      {"", "{}"},
      {" \n", "{}"},
      {R"({"b":1.0,"a":10000000000000000000001,"c":1E5})", R"({"b":1.0,"a":10000000000000000000001,"c":1E5})"},
      {R"( {"a": [1]} )", R"( {"a": [1]} )"},
      {R"({"a":"\u00e9"})", R"({"a":"\u00e9"})"},
      {R"({"a":"\ud83d"})", R"({"a":"\uFFFD"})"},
      {R"({"$ref":1})", R"({"$ref":1})"},
      {"[1]", R"({"_raw":"[1]"})"},
      {"{\"a\":", R"({"_raw":"{\"a\":"})"},
      {"{} {}", R"({"_raw":"{} {}"})"},
  };
  for (const ArgumentCase& c : cases) {
    const std::string text = Written([&](GeminiTurns* t) { t->AddCall("1", "f", c.arguments, ""); });
    EXPECT_NE(text.find(R"("args":)" + c.expected + "}"), std::string::npos) << c.arguments << "\n" << text;
  }
}

TEST(GeminiTurns, ResultsAreObjects) {
  struct ResultCase {
    std::string_view content;
    std::string expected;
  };
  const ResultCase cases[] = {
      {"", R"({"output":""})"},
      {"18 C", R"({"output":"18 C"})"},
      {"[1,2]", R"({"output":"[1,2]"})"},
      {"7", R"({"output":"7"})"},
      {R"({"temp":15.0})", R"({"temp":15.0})"},
      {R"({"a":[{"b":{"$ref":"x"}}]})", R"({"output":"{\"a\":[{\"b\":{\"$ref\":\"x\"}}]}"})"},
      {R"({"\u0024ref":1})", R"({"output":"{\"\\u0024ref\":1}"})"},
      {R"({"a":"$ref"})", R"({"a":"$ref"})"},
  };
  for (const ResultCase& c : cases) {
    const std::string text = Written([&](GeminiTurns* t) {
      t->AddCall("1", "f", "", "");
      t->AddResult("1", c.content);
    });
    EXPECT_NE(text.find(R"("response":)" + c.expected + "}"), std::string::npos) << c.content << "\n" << text;
  }
}

TEST(GeminiTurns, MarksOnlyTheFirstUnsignedCallOfAStep) {
  const auto marked = [](const Fill& fill) { return Written(fill, "gemini-3.8-flash"); };
  constexpr const char* kDummy = "skip_thought_signature_validator";
  EXPECT_EQ(marked([](GeminiTurns* t) {
              t->AddUserText("a");
              t->AddCall("1", "f", "", "");
              t->AddCall("2", "f", "", "");
              t->AddResult("1", "{}");
              t->AddResult("2", "{}");
              t->AddCall("3", "f", "", "EgM=");
              t->AddCall("4", "f", "", "");
            }),
            "[" + User(Text("a")) + "," + Model(CallPart("1", "{}", kDummy) + "," + CallPart("2")) + "," +
                User(Result("1", "{}") + "," + Result("2", "{}")) + "," +
                Model(CallPart("3", "{}", "EgM=") + "," + CallPart("4")) + "," +
                User(Result("3", R"({"error":"no result"})") + "," + Result("4", R"({"error":"no result"})")) + "]");
  // The client may send the dummy back.
  EXPECT_EQ(Written([](GeminiTurns* t) { t->AddCall("1", "f", "", kDummy); }).find(kDummy) != std::string::npos, true);
}

// Two steps of two calls each; the client sent the signature of the first step only.
void FillSteps(GeminiTurns* t) {
  t->AddUserText("go");
  t->AddModelText("a", "VGV4dA==");
  t->AddCall("1", "f", "", "T25l");
  t->AddCall("2", "f", "", "");
  t->AddResult("1", "{}");
  t->AddResult("2", "{}");
  t->AddCall("3", "f", "", "");
  t->AddCall("4", "f", "", "");
  t->AddResult("3", "{}");
  t->AddResult("4", "{}");
}

std::string Steps(const std::string& text, const std::string& one, const std::string& three, const std::string& four) {
  return "[" + User(Text("go")) + "," + Model(text + "," + CallPart("1", "{}", one) + "," + CallPart("2")) + "," +
         User(Result("1", "{}") + "," + Result("2", "{}")) + "," +
         Model(CallPart("3", "{}", three) + "," + CallPart("4", "{}", four)) + "," +
         User(Result("3", "{}") + "," + Result("4", "{}")) + "]";
}

constexpr char kSignedText[] = R"({"text":"a","thoughtSignature":"VGV4dA=="})";
constexpr char kDummy[] = "skip_thought_signature_validator";

TEST(GeminiTurns, SignsWithWhatTheClientSentThenWithWhatWasKeptThenWithTheDummy) {
  struct Known {
    std::string name;
    std::vector<SignedCall> calls;
    std::string three, four;
  };
  const Known cases[] = {
      {"nothing", {}, kDummy, ""},
      {"the first call", {{"3", "S2VwdA=="}}, "S2VwdA==", ""},
      {"another call", {{"4", "S2VwdA=="}}, kDummy, "S2VwdA=="},
      {"both", {{"4", "Rm91cg=="}, {"3", "VGhyZWU="}}, "VGhyZWU=", "Rm91cg=="},
      {"what was not asked for", {{"1", "S2VwdA=="}, {"2", "S2VwdA=="}}, kDummy, ""},
      {"no signature", {{"3", "no base64!"}}, kDummy, ""},
  };
  for (const Known& known : cases) {
    KnownSignatures kept(known.calls);
    EXPECT_EQ(Written(FillSteps, "gemini-3.8-flash", {.kept = &kept}),
              Steps(kSignedText, "T25l", known.three, known.four))
        << known.name;
    EXPECT_EQ(kept.queries, 1) << known.name;
    EXPECT_EQ(kept.asked, (std::vector<std::string>{"3", "4"})) << known.name;
  }
}

TEST(GeminiTurns, LooksForNothingThatNobodyNeeds) {
  const auto one_call = [](std::string_view signature) {
    return [=](GeminiTurns* t) {
      t->AddUserText("go");
      t->AddCall("1", "f", "", signature);
      t->AddCall("2", "f", "", "");
    };
  };
  KnownSignatures kept(std::vector<SignedCall>{});
  Written(one_call("T25l"), "gemini-3.8-flash", {.kept = &kept});
  Written([](GeminiTurns* t) { t->AddUserText("go"); }, "gemini-3.8-flash", {.kept = &kept});
  Written(one_call(""), "gemini-2.5-flash", {.kept = &kept});
  Written(one_call(""), "gemini-3.8-flash", {.kept = &kept, .only_dummies = true});
  EXPECT_EQ(kept.queries, 0);
  Written(one_call(""), "gemini-3.8-flash", {.kept = &kept});
  EXPECT_EQ(kept.queries, 1);
}

TEST(GeminiTurns, AnIdThatCameTwiceIsTheLatestCalls) {
  KnownSignatures kept(std::vector<SignedCall>{{"1", "S2VwdA=="}});
  const std::string text = Written(
      [](GeminiTurns* t) {
        for (int i = 0; i < 2; ++i) {
          t->AddUserText("go");
          t->AddCall("1", "f", "", "");
          t->AddResult("1", "{}");
        }
      },
      "gemini-3.8-flash", {.kept = &kept});
  EXPECT_EQ(kept.asked, std::vector<std::string>{"1"});
  EXPECT_LT(text.find(kDummy), text.find("S2VwdA=="));
  EXPECT_EQ(text.find("S2VwdA=="), text.rfind("S2VwdA=="));
}

TEST(GeminiTurns, OnlyDummiesReplaceEverySignature) {
  KnownSignatures kept(std::vector<SignedCall>{{"3", "S2VwdA=="}});
  EXPECT_EQ(Written(FillSteps, "gemini-3.8-flash", {.kept = &kept, .only_dummies = true}),
            Steps(Text("a"), kDummy, kDummy, ""));
  const auto signed_nothing = [](GeminiTurns* t) {
    t->AddUserText("go");
    t->AddModelText("", "VGV4dA==");
  };
  EXPECT_NE(Written(signed_nothing, "gemini-3.8-flash", {.only_dummies = true})
                .find(std::string(R"({"text":"","thoughtSignature":")") + kDummy),
            std::string::npos)
      << "a part may not be empty";
}

TEST(GeminiTurns, MediaStandWhereTheClientPutThem) {
  const auto fill = [](GeminiTurns* turns) {
    turns->AddUserText("look");
    turns->AddUserMedia({"image/png", "AAAA"});
    turns->AddUserFile("video/mp4", "https://example.org/v");
    turns->AddUserFile("", "https://youtu.be/x");
  };
  EXPECT_EQ(Written(fill),
            "[" +
                User(Text("look") + R"(,{"inlineData":{"mimeType":"image/png","data":"AAAA"}})"
                                    R"(,{"fileData":{"mimeType":"video/mp4","fileUri":"https://example.org/v"}})"
                                    R"(,{"fileData":{"fileUri":"https://youtu.be/x"}})") +
                "]");
}

// Since Gemini 3 a result may hold media; before, they follow the results.
TEST(GeminiTurns, MediaOfResults) {
  const auto fill = [](GeminiTurns* turns) {
    turns->AddUserText("go");
    turns->AddCall("a", "f", "{}", "");
    turns->AddCall("b", "f", "{}", "");
    turns->AddResult("a", "seen", ResultKind::kOutput, {{"image/png", "AAAA"}});
    turns->AddResult("b", "broken", ResultKind::kError);
    turns->AddResult("orphan", "x", ResultKind::kOutput, {{"image/png", "BBBB"}});
  };
  const std::string image = R"({"inlineData":{"mimeType":"image/png","data":"AAAA"}})";
  const std::string old = Written(fill, "gemini-2.5-flash");
  EXPECT_NE(old.find(R"("response":{"output":"seen"}}})"), std::string::npos) << old;
  EXPECT_NE(old.find(R"("response":{"error":"broken"}}},)" + image), std::string::npos) << old;
  const std::string now = Written(fill, "gemini-3.8-flash");
  EXPECT_NE(now.find(R"("response":{"output":"seen"},"parts":[)" + image + "]}}"), std::string::npos) << now;
  EXPECT_NE(now.find(R"(Tool result (orphan): x"},{"inlineData":{"mimeType":"image/png","data":"BBBB"}})"),
            std::string::npos)
      << now;
}

}  // namespace
}  // namespace gc
