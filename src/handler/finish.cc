// finish.cc: the table of finish reasons.
// SPDX-License-Identifier: MIT
#include "handler/finish.h"

namespace gc {
namespace {

struct Row {
  std::string_view reason;
  Finish finish;
};

constexpr Row kRows[] = {
    {"STOP", Finish::kStop},
    {"MAX_TOKENS", Finish::kLength},
    {"CONTINUATION", Finish::kLength},
    {"SAFETY", Finish::kContentFilter},
    {"RECITATION", Finish::kContentFilter},
    {"LANGUAGE", Finish::kContentFilter},
    {"BLOCKLIST", Finish::kContentFilter},
    {"PROHIBITED_CONTENT", Finish::kContentFilter},
    {"SPII", Finish::kContentFilter},
    {"IMAGE_SAFETY", Finish::kContentFilter},
    {"IMAGE_PROHIBITED_CONTENT", Finish::kContentFilter},
    {"IMAGE_RECITATION", Finish::kContentFilter},
    {"", Finish::kFailed},
    {"MALFORMED_FUNCTION_CALL", Finish::kFailed},
    {"UNEXPECTED_TOOL_CALL", Finish::kFailed},
    {"TOO_MANY_TOOL_CALLS", Finish::kFailed},
    {"MALFORMED_RESPONSE", Finish::kFailed},
    {"MISSING_THOUGHT_SIGNATURE", Finish::kFailed},
    {"NO_IMAGE", Finish::kFailed},
    {"IMAGE_OTHER", Finish::kFailed},
    {"OTHER", Finish::kFailed},
};

}  // namespace

Finish FinishOf(std::string_view reason, bool has_content) {
  for (const Row& row : kRows) {
    if (row.reason != reason) continue;
    return row.finish == Finish::kFailed && has_content ? Finish::kStop : row.finish;
  }
  return Finish::kStop;  // a reason from the future
}

}  // namespace gc
