// anthropic.cc: any body of a Messages request is refused with a reason, or becomes a request that Gemini can read; and
// so it is when its tokens are to be counted.
// SPDX-License-Identifier: MIT
#include "fuzz/fuzz.h"
#include "fuzz/request_check.h"
#include "handler/proto_anthropic.h"
#include "support/fake_gemini_fields.h"
#include "unit/anthropic_replay.h"

namespace gc::fuzz {

namespace fake = test::fake;

std::string CheckAnthropic(std::string_view input) {
  const std::string body(input);
  const auto first = ParseMessages(body);
  if (auto broken = CheckOutcome(ErrorShape::kAnthropic, first, Words::kOurs); !broken.empty()) return broken;

  ParseContext context;
  context.simple_schemas = context.dummy_signatures = context.no_thinking = true;
  const auto second = ParseMessages(body, AnthropicUse::kMessage, context);
  if (first.ok() != second.ok()) return "asked again, it ends otherwise";
  if (auto broken = CheckOutcome(ErrorShape::kAnthropic, second, Words::kOurs); !broken.empty()) return broken;

  const auto counted = ParseMessages(body, AnthropicUse::kCountTokens);
  if (auto broken = CheckOutcome(ErrorShape::kAnthropic, counted, Words::kOurs); !broken.empty()) return broken;
  if (first.ok() && !counted.ok()) return "what can be asked cannot be counted: " + counted.error().message;
  if (!counted.ok()) return {};
  const auto count_body = json::Document::Parse(CountTokensBody(*counted));
  if (!count_body.ok()) return "countTokens: not JSON: " + count_body.error().message;
  const auto violations = fake::CheckFields(fake::BodyKind::kCountTokens, count_body->root());
  return violations.empty() ? "" : "countTokens: " + violations.front().description;
}

}  // namespace gc::fuzz
