// retries.cc: reads Google's texts, and looks for content in answers.
// SPDX-License-Identifier: MIT
#include "handler/retries.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace gc {
namespace {

using json::Value;

struct Row {
  std::string_view text;  // in lower case, blanks for underscores
  Remedy remedy;
};

constexpr Row kTexts[] = {
    {"thought signature", Remedy::kDummySignatures},
    {"thoughtsignature", Remedy::kDummySignatures},
    {"too many states for serving", Remedy::kSimpleSchemas},
    {"maximum allowed nesting depth", Remedy::kSimpleSchemas},
    {"thinking level", Remedy::kNoThinking},
    {"thinking budget", Remedy::kNoThinking},
    {"thinking config", Remedy::kNoThinking},
    {"thinkinglevel", Remedy::kNoThinking},
    {"thinkingbudget", Remedy::kNoThinking},
    {"thinkingconfig", Remedy::kNoThinking},
    {"thinking is not enabled", Remedy::kNoThinking},
    {"thinking is not supported", Remedy::kNoThinking},
};

// An answer may be empty for these: asking again would only cost.
constexpr std::string_view kReasons[] = {
    "MAX_TOKENS",       "CONTINUATION",       "SAFETY", "RECITATION",   "LANGUAGE",
    "BLOCKLIST",        "PROHIBITED_CONTENT", "SPII",   "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
};

std::string Plain(std::string_view text) {
  std::string plain(text);
  for (char& c : plain) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_') c = ' ';
  }
  return plain;
}

// Thoughts are no answer, and a signature has no content of its own; whatever else Gemini invents counts.
bool IsContent(const Value& part) {
  if (part.BoolOr("thought", false)) return false;
  return std::any_of(part.Members().begin(), part.Members().end(), [](const json::Member& member) {
    const std::string_view name = member.name.Text();
    if (name == "text") return !member.value.Text().empty();
    return name != "thought" && name != "thoughtSignature";
  });
}

bool HasContent(const Value& candidate) {
  const Value* content = candidate.Find("content");
  const Value* parts = content == nullptr ? nullptr : content->Find("parts");
  return parts != nullptr && std::any_of(parts->Items().begin(), parts->Items().end(), IsContent);
}

}  // namespace

Remedy RemedyFor(const ApiError& refusal) {
  if (refusal.kind != ApiErrorKind::kInvalidRequest) return Remedy::kNone;
  const std::string text = Plain(refusal.message);
  for (const Row& row : kTexts) {
    if (text.find(row.text) != std::string::npos) return row.remedy;
  }
  return Remedy::kNone;
}

void AnswerWatch::Note(const gemini::Response& response) {
  if (!response.finish_reason.empty()) finish_reason_ = response.finish_reason;
  const bool has_reason = std::find(std::begin(kReasons), std::end(kReasons), finish_reason_) != std::end(kReasons);
  if (has_reason || !response.block_reason.empty()) is_explained_ = true;
  const Value* candidates = response.root().Find("candidates");
  if (candidates == nullptr) return;
  for (const Value& candidate : candidates->Items()) {
    has_content_ = has_content_ || HasContent(candidate);
    if (const auto message = candidate.StringOr("finishMessage", ""); !message.empty()) finish_message_ = message;
  }
}

std::optional<ApiError> AnswerWatch::error() const {
  if (finish_reason_.empty()) return std::nullopt;
  std::string message = "Gemini's answer is empty (" + finish_reason_ + ")";
  if (!finish_message_.empty()) message += ": " + finish_message_;
  return ApiError{ApiErrorKind::kUpstreamBadResponse, std::move(message), "", 0};
}

bool Retries::Take(Remedy remedy, ParseContext* context) {
  switch (remedy) {
    case Remedy::kNone:
      return false;
    case Remedy::kDummySignatures:
      return !std::exchange(context->dummy_signatures, true);
    case Remedy::kSimpleSchemas:
      return !std::exchange(context->simple_schemas, true);
    case Remedy::kNoThinking:
      return !std::exchange(context->no_thinking, true);
    case Remedy::kSameAgain:
      return !std::exchange(repeated_, true);
  }
  return false;
}

}  // namespace gc
