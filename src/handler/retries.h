// retries.h: when a translated request is sent to Gemini once more, and what is different then.
// Only before the client got a byte, and each remedy once.
// Source: Google's error texts as users report them, November 2026.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "handler/api_error.h"
#include "handler/gemini.h"
#include "handler/protocol.h"

namespace gc {

enum class Remedy : uint8_t {
  kNone,
  kDummySignatures,  // a thought signature is corrupt, or missing
  kSimpleSchemas,    // a schema is too complex
  kNoThinking,       // the model does not take this thinkingConfig
  kSameAgain,        // the answer was empty for no reason: models do that now and then
};

// For a request that Gemini refused with this error (as RefusalError gives it).
Remedy RemedyFor(const ApiError& refusal);

// Watches one answer for content.
class AnswerWatch {
 public:
  void Note(const gemini::Response& response);
  // There was neither content nor a reason to have none, such as a filter or a limit.
  bool is_empty() const { return !has_content_ && !is_explained_; }
  // A reason to end was given. An answer that ends without one was cut.
  bool is_finished() const { return !finish_reason_.empty() || is_explained_; }
  // What to tell the client then; nullopt: no finishReason was seen, so it is not known what is missing.
  std::optional<ApiError> error() const;

 private:
  bool has_content_ = false;
  bool is_explained_ = false;
  std::string finish_reason_;
  std::string finish_message_;
};

// What one request was given so far.
class Retries {
 public:
  // True: send the request once more, as *context now says.
  bool Take(Remedy remedy, ParseContext* context);

 private:
  bool repeated_ = false;
};

}  // namespace gc
