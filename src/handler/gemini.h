// gemini.h: Gemini's own requests, answers and errors as the rest of the handler sees them: the only internal form.
// Source: the v1beta REST reference (generateContent, streamGenerateContent, google.rpc.Status).
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace gc::gemini {

// What to call a model with: POST /v1beta/models/{model}:{method}.
struct Request {
  std::string model;    // validated by IsModelName
  bool stream = false;  // streamGenerateContent?alt=sse, else generateContent
  std::string body;     // complete JSON text
  size_t calls = 1;     // at the same time, with this body: their answers make up the client's one
};

// What to reserve for a body that is made from a client's of that size: it is rarely larger. One that holds media must
// not move while it grows: it would be there twice.
constexpr size_t RoomFor(size_t client_bytes) { return client_bytes + 1024; }

// True for a model name that may stand in an upstream path: [A-Za-z0-9][A-Za-z0-9._-]{0,127}.
bool IsModelName(std::string_view name);

// usageMetadata; absent counts are 0. In a stream each chunk carries running totals: the last one counts.
struct Usage {
  bool present = false;
  int64_t prompt = 0;  // includes cached
  int64_t cached = 0;
  int64_t candidates = 0;  // excludes thoughts
  int64_t thoughts = 0;
  int64_t tool_use_prompt = 0;
  int64_t total = 0;

  int64_t input() const { return prompt + tool_use_prompt; }
  int64_t output() const { return candidates + thoughts; }
  void Add(const Usage& other);
};

// One GenerateContentResponse: a unary answer or one chunk of a stream. Owns its JSON; movable.
struct Response {
  json::Document document;
  Usage usage;
  std::string finish_reason;  // of the first candidate that has one; empty: none yet
  std::string block_reason;   // promptFeedback.blockReason
  size_t call = 0;            // which of the request's calls it answers; the relay says so

  const json::Value& root() const { return document.root(); }
};

struct QuotaViolation {
  std::string quota_id;     // GenerateRequestsPerDayPerProjectPerModel-FreeTier
  std::string quota_value;  // "20"; empty: not told
};

// A google.rpc.Status, from a response body, a one-element array around it, or an SSE frame after HTTP 200.
struct Failure {
  int http_status = 0;                     // of the response; for a frame after 200, derived from `status`
  std::string status;                      // RESOURCE_EXHAUSTED, ...
  std::string message;                     // as Google wrote it; the caller redacts
  std::string reason;                      // ErrorInfo.reason
  int64_t retry_delay_s = 0;               // RetryInfo.retryDelay rounded up; 0: none
  std::vector<QuotaViolation> violations;  // QuotaFailure.violations[] that have an id
  bool quota_is_zero = false;              // the project's tier does not include this model at all
  std::string project;  // the number of the key's project, where the error names it; empty: it does not
};

// JSON text in which every lone surrogate escape (half an emoji, cut off by somebody) is U+FFFD. Other text is
// untouched.
std::string RepairSurrogates(std::string text);

// Parses an answer or chunk. Invalid UTF-8 and lone surrogate escapes inside are replaced, not refused. Errors:
// kInvalid when it is not a JSON object.
Result<Response> ParseResponse(std::string text);
// True when the document is a Failure ({"error":{...}} or [{"error":{...}}]) and not an answer. http_status is that of
// the response; below 400 (a frame of a stream) the Failure's own code or status says it.
bool ParseFailure(const json::Value& root, int http_status, Failure* out);
// The Failure in the body of a response with that status, whatever the body is: front ends send HTML or nothing.
Failure ReadFailure(std::string_view body, int http_status);

}  // namespace gc::gemini
