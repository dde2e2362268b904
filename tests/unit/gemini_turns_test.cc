// gemini_turns_test.cc: every order of messages that clients send becomes one that Gemini takes.
// SPDX-License-Identifier: MIT
#include "handler/gemini_turns.h"

#include <gtest/gtest.h>

#include <functional>

namespace gc {
namespace {

using Fill = std::function<void(GeminiTurns*)>;

std::string Written(const Fill& fill, std::string_view model = "gemini-2.5-flash") {
  GeminiTurns turns;
  fill(&turns);
  std::string text;
  json::Writer w(&text);
  turns.Write(&w, FamilyOf(model));
  return text;
}

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
