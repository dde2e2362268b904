// keys_words.cc: the table of reasons.
// SPDX-License-Identifier: MIT
#include "jobs/keys_words.h"

#include <algorithm>
#include <iterator>

namespace gc::jobs {
namespace {

struct Row {
  std::string_view reason;
  std::string_view words;
};
constexpr Row kRows[] = {
    // What Google says.
    {"bad_request", "Google found a field wrong"},
    {"context_too_long", "more tokens than the model takes"},
    {"payload_too_large", "the request is too large for Google"},
    {"invalid_key", "Google says that the key is not valid, or has expired"},
    {"suspended_key", "Google has suspended the key's project, or knows that the key has leaked"},
    {"service_disabled", "the Gemini API is switched off in the key's project"},
    {"location", "Google does not serve this host's country, or asks for billing"},
    {"foreign_object", "the key may not use this object: it belongs to another project"},
    {"model_unknown", "the key's project does not have this model"},
    {"minute_requests", "Google's limit of requests a minute"},
    {"minute_tokens", "Google's limit of input tokens a minute"},
    {"day_quota", "Google's limit for the day, which ends at midnight in California"},
    {"zero_quota", "the project's tier does not have this model"},
    {"spend_limit", "the spend limit of the project's tier, for ten minutes"},
    {"shared_capacity", "Google is short of capacity, or sees too many calls from this address"},
    {"overloaded", "Gemini is overloaded, for every key alike"},
    {"upstream_error", "Gemini failed"},
    {"upstream_timeout", "Gemini was silent for too long"},
    {"cancelled", "the call was cancelled"},
    {"conflict", "Gemini says that something changed meanwhile"},
    {"not_implemented", "not built"},
    {"not_an_answer", "what came was no answer of Gemini's"},
    // What the gateway found.
    {"minute_limit_reached", "a limit by the minute, learned or configured, is used up"},
    {"day_limit_reached", "the day's limit, learned or configured, is used up"},
    {"cooling", "it rests"},
    {"disabled", "it is disabled"},
    {"client_closed_request", "the client left"},
    {"invalid_request", "a field of the request is wrong"},
    {"invalid_image_url", "a file cannot be had from its URL"},
    {"missing_credential", "no key came with the request"},
    {"bad_credential", "a key is malformed, or Google refuses it"},
    {"forbidden", "Google refuses the key for this thing"},
    {"not_found", "no such path"},
    {"model_not_found", "Gemini does not know the model"},
    {"method_not_allowed", "the path has another method"},
    {"too_large", "the request is too large"},
    {"unsupported_media_type", "the body is compressed"},
    {"rate_limited", "no key has quota at the moment"},
    {"quota_exhausted", "no key has quota until midnight in California"},
    {"upstream_bad_response", "what came was no answer of Gemini's"},
    {"upstream_unreachable", "Gemini cannot be reached"},
    {"upstream_interrupted", "Gemini's answer was cut"},
    {"upstream_overloaded", "Gemini is overloaded, for every key alike"},
    {"busy", "no thread of the gateway was free"},
    {"internal", "a fault of the gateway's"},
};

}  // namespace

std::string_view ReasonWords(std::string_view reason) {
  const auto* found =
      std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& row) { return row.reason == reason; });
  return found == std::end(kRows) ? reason : found->words;
}

}  // namespace gc::jobs
