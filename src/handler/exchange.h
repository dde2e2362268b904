// exchange.h: one request on its way through the relays, and what its log row will need.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/config.h"
#include "base/http_client.h"
#include "handler/access.h"
#include "handler/api_error.h"
#include "handler/call_signatures.h"
#include "handler/gemini.h"
#include "handler/gemini_client.h"
#include "handler/http.h"
#include "handler/key_pool.h"
#include "handler/media.h"
#include "handler/models.h"

namespace gc {

// What the log row says of the models.
struct Labels {
  std::string model;           // Gemini's
  std::string original_model;  // the client's
  bool is_stream = false;
};

struct Exchange {
  const HttpRequest& request;
  ResponseSink& sink;
  const Config& config;
  Clock& clock;
  GeminiClient& gemini;
  const ModelAliases& aliases;
  const Credentials& credentials;
  KeyRing& keys;
  CallSignatures& signatures;
  MediaFetcher* media;  // null: no URL is fetched
  ErrorShape shape;
  std::string_view allow = {};  // the Allow header of a 405

  // What came of it.
  int status = 0;                          // sent to the client; 499 when it left first
  std::optional<ApiError> error = {};      // also one that came after the 200
  std::vector<gemini::Usage> usages = {};  // by call: Google bills each
  std::string finish_reason = {};
  int64_t first_token_us = 0;  // clock.MonotonicUs() when the answer began; 0: it never did
  int attempts = 0;
  int upstream_status = 0;               // of Gemini's last answer; 0: none came
  std::string quota_id = {};             // of a 429 that names one
  NextStep next_step = NextStep::kNone;  // after Google's last refusal
  bool repeated = false;                 // what is tried again only once was

  int64_t tick_ms() const { return config.Int(ConfigKey::kStreamKeepaliveS) * 1000; }
  size_t max_response_bytes() const { return static_cast<size_t>(config.Int(ConfigKey::kUpstreamMaxResponseBytes)); }
  gemini::Usage usage() const;
};

// The answer's start: status line and the request's id besides `headers`.
void StartAnswer(Exchange* exchange, int status, HttpHeaders headers);
// A whole answer with a JSON body.
void AnswerJson(Exchange* exchange, int status, std::string_view body);
// The error as the whole answer, in the caller's protocol. REQUIRES: nothing was sent.
void AnswerError(Exchange* exchange, ApiError error);
// As AnswerError, for a request that could not be read; the client may have left while its URLs were fetched.
void AnswerParseError(Exchange* exchange, ApiError error);
// The client left before its answer was complete.
void ClientLeft(Exchange* exchange);
// Takes over what one parsed answer or chunk says for the log.
void NoteResponse(Exchange* exchange, const gemini::Response& response);
// Takes over what Google's refusal says, and gives the client's error, free of the caller's keys.
ApiError NoteFailure(Exchange* exchange, const gemini::Failure& failure);
// The client's error for a call that got no (whole) answer. kCancelled has none: it was our own doing.
ApiError TransportError(const Error& error);
// The client's error for a non-2xx answer with this body, whatever the body is.
ApiError RefusalError(Exchange* exchange, int http_status, std::string_view body);

// Collects a whole answer: for unary calls and for the bodies of errors.
class Collector : public HttpObserver {
 public:
  explicit Collector(Exchange* exchange) : exchange_(exchange) {}
  bool OnHead(int status, const HttpFields& headers) override;
  bool OnBody(std::string_view bytes) override;
  bool OnWait() override;
  bool OnEnd() override;

  int status() const { return status_; }
  const HttpFields& headers() const { return headers_; }
  std::string& body() { return body_; }
  bool too_large() const { return too_large_; }
  bool client_gone() const { return client_gone_; }
  // The answer is whole and not a 2xx.
  bool is_refusal() const { return is_refusal_; }

 private:
  Exchange* exchange_;
  int status_ = 0;
  HttpFields headers_;
  std::string body_;
  bool too_large_ = false;
  bool client_gone_ = false;
  bool is_refusal_ = false;
};

// Makes unary calls at the same time with the key that was taken, calls[i] for collected[i]: the first that goes wrong
// ends the others. Nullopt: each holds a 2xx answer. Else the error for the client; after ClientLeft() the caller finds
// exchange->status 499 and sends nothing. Where a collector ended the calls, what it found counts, not the error.
std::optional<ApiError> CallTogether(Exchange* exchange, std::span<const GeminiCall> calls,
                                     std::span<Collector* const> collected);

// Value of a header (lower-case name); empty when absent.
std::string_view FindField(const HttpFields& fields, std::string_view name);

}  // namespace gc
