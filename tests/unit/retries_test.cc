// retries_test.cc: which refusals and which empty answers are asked again.
// SPDX-License-Identifier: MIT
#include "handler/retries.h"

#include <gtest/gtest.h>

namespace gc {
namespace {

struct Refusal {
  std::string message;
  Remedy remedy;
  ApiErrorKind kind = ApiErrorKind::kInvalidRequest;
};

TEST(Retries, ARefusalHasOneRemedyOrNone) {
  const Refusal refusals[] = {
      {"Corrupted thought signature.", Remedy::kDummySignatures},
      {"Thought signature is not valid for this part.", Remedy::kDummySignatures},
      {"Function call is missing a thought_signature in functionCall parts.", Remedy::kDummySignatures},
      {"Invalid value at 'contents[1].parts[0].thoughtSignature'", Remedy::kDummySignatures},
      {"The specified schema produces a constraint that has too many states for serving.", Remedy::kSimpleSchemas},
      {"A schema in the request exceeds the maximum allowed nesting depth.", Remedy::kSimpleSchemas},
      {"Thinking level is not supported for this model.", Remedy::kNoThinking},
      {"Thinking level MINIMAL is not supported for this model. Please retry with other thinking level.",
       Remedy::kNoThinking},
      {"Thinking budget is not supported for this model.", Remedy::kNoThinking},
      {"You can only set only one of thinking budget and thinking level.", Remedy::kNoThinking},
      {"Thinking is not enabled for this model.", Remedy::kNoThinking},
      {"* GenerateContentRequest.contents: contents is not specified", Remedy::kNone},
      {"The thinking cap of this poem is too long", Remedy::kNone},
      {"Corrupted thought signature.", Remedy::kNone, ApiErrorKind::kBadCredential},
      {"Thinking level is not supported for this model.", Remedy::kNone, ApiErrorKind::kUpstreamError},
  };
  for (const Refusal& refusal : refusals) {
    EXPECT_EQ(RemedyFor({refusal.kind, refusal.message, "", 0}), refusal.remedy) << refusal.message;
  }
}

TEST(Retries, EachRemedyIsTakenOnceAndChangesItsOwn) {
  Retries retries;
  ParseContext context;
  EXPECT_FALSE(retries.Take(Remedy::kNone, &context));
  for (const Remedy remedy :
       {Remedy::kDummySignatures, Remedy::kSimpleSchemas, Remedy::kNoThinking, Remedy::kSameAgain}) {
    EXPECT_TRUE(retries.Take(remedy, &context));
    EXPECT_EQ(context.dummy_signatures, remedy >= Remedy::kDummySignatures);
    EXPECT_EQ(context.simple_schemas, remedy >= Remedy::kSimpleSchemas);
    EXPECT_EQ(context.no_thinking, remedy >= Remedy::kNoThinking);
    EXPECT_FALSE(retries.Take(remedy, &context));
  }
}

struct Case {
  std::string name;
  std::vector<std::string> chunks;
  bool is_empty;
  std::string error;  // "-": none
};

std::string Candidate(const std::string& parts, const std::string& reason) {
  return R"({"candidates":[{"content":{"parts":[)" + parts + "]}" +
         (reason.empty() ? "" : R"(,"finishReason":")" + reason + "\"") + "}]}";
}

TEST(AnswerWatch, TellsEmptyFromWithheldAndWhole) {
  const std::string text = R"({"text":"x"})";
  const Case cases[] = {
      {"text", {Candidate(text, "STOP")}, false, ""},
      {"text, then the end", {Candidate(text, ""), Candidate("", "STOP")}, false, ""},
      {"a call", {Candidate(R"({"functionCall":{"name":"f"},"thoughtSignature":"AA=="})", "STOP")}, false, ""},
      {"an image", {Candidate(R"({"inlineData":{"data":"AA=="}})", "STOP")}, false, ""},
      {"a part from the future", {Candidate(R"({"hologram":{}})", "STOP")}, false, ""},
      {"text and a broken call", {Candidate(text, "MALFORMED_FUNCTION_CALL")}, false, ""},
      {"the second of two", {R"({"candidates":[{},{"content":{"parts":[{"text":"x"}]}}]})"}, false, ""},
      {"a limit", {Candidate("", "MAX_TOKENS")}, false, ""},
      {"a filter", {Candidate("", "PROHIBITED_CONTENT")}, false, ""},
      {"a blocked prompt", {R"({"promptFeedback":{"blockReason":"SAFETY"}})"}, false, ""},
      {"nothing",
       {R"({"candidates":[{"content":{},"finishReason":"STOP"}]})"},
       true,
       "Gemini's answer is empty (STOP)"},
      {"thoughts alone",
       {Candidate(R"({"text":"hm","thought":true})", ""), Candidate(R"({"text":""})", "STOP")},
       true,
       "Gemini's answer is empty (STOP)"},
      {"a signed nothing",
       {Candidate(R"({"text":"","thoughtSignature":"AA=="})", "STOP")},
       true,
       "Gemini's answer is empty (STOP)"},
      {"a broken call",
       {R"({"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"f("}]})"},
       true,
       "Gemini's answer is empty (MALFORMED_FUNCTION_CALL): f("},
      {"a reason from the future", {Candidate("", "TIRED")}, true, "Gemini's answer is empty (TIRED)"},
      {"no candidate", {R"({"candidates":[]})"}, true, "-"},
      {"no chunk", {}, true, "-"},
  };
  for (const Case& c : cases) {
    AnswerWatch watch;
    for (const std::string& chunk : c.chunks) {
      const auto response = gemini::ParseResponse(chunk);
      ASSERT_TRUE(response.ok()) << c.name;
      watch.Note(*response);
    }
    EXPECT_EQ(watch.is_empty(), c.is_empty) << c.name;
    if (!c.is_empty) continue;
    EXPECT_EQ(watch.error() ? watch.error()->message : "-", c.error) << c.name;
  }
}

}  // namespace
}  // namespace gc
