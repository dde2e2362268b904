// protocol.h: what a client protocol translates. One object per request; not thread-safe.
// A protocol sees gemini, http, models, tool_schema, media and base only: it turns text into text, relay moves bytes.
// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "handler/api_error.h"
#include "handler/call_signatures.h"
#include "handler/gemini.h"
#include "handler/http.h"
#include "handler/media.h"
#include "handler/models.h"

namespace gc {

// What a request is read with, beside its own text. The second time, after Gemini refused the first, it asks for less.
struct ParseContext {
  const ModelAliases* aliases = nullptr;
  bool simple_schemas = false;           // Gemini found a schema too complex
  bool dummy_signatures = false;         // Gemini found a thought signature corrupt: Google's stand-in for each of them
  bool no_thinking = false;              // Gemini does not take this thinkingConfig: none
  CallSignatures* signatures = nullptr;  // of earlier answers; null: none are kept
  MediaFetcher* media = nullptr;         // null: this gateway fetches nothing

  Signing signing() const { return {signatures, dummy_signatures}; }
};

class Protocol {
 public:
  virtual ~Protocol() = default;

  // Reads the client's request. An error names the field in `param`. Called once, before anything else.
  virtual Result<gemini::Request, ApiError> Parse(const HttpRequest& request, const ParseContext& context) = 0;
  // The model name as the client wrote it (after Parse, also a failed one); empty when it gave none.
  virtual const std::string& requested_model() const = 0;
  // After Parse: the client only wants its prompt prepared, and an answer without content at once.
  virtual bool wants_no_answer() const { return false; }

  // Unary: the whole body of the 200 answer, or the error that the answer really is (an empty candidate with
  // MALFORMED_FUNCTION_CALL, say). `responses`: one for each of the parsed request's calls, in their order.
  virtual Result<std::string, ApiError> WriteFull(std::span<const gemini::Response> responses) = 0;

  // Stream: each appends complete SSE frames to *out; relay writes and flushes them at once.
  // After the upstream's 200 and before its first event; once, however many calls there are.
  virtual void WriteStart(std::string* out) = 0;
  // Chunks of several calls come in any order, those of one call in their own.
  virtual void WriteChunk(const gemini::Response& chunk, std::string* out) = 0;
  // At the clean end of all calls: the closing frames, or the error that the stream really ended with (no finishReason
  // seen: it was cut). Exactly one of WriteEnd (succeeding) and WriteError ends a stream.
  virtual Result<void, ApiError> WriteEnd(std::string* out) = 0;
  virtual void WriteError(const ApiError& error, std::string* out) = 0;

  // The calls written so far that Gemini had signed: what a client that keeps no signature will need again.
  const std::vector<SignedCall>& signed_calls() const { return signed_calls_; }

 protected:
  std::vector<SignedCall> signed_calls_;
};

}  // namespace gc
