// exchange.cc: the steps that every relay takes: answering, refusing, noting for the log.
// SPDX-License-Identifier: MIT
#include "handler/exchange.h"

#include "base/redact.h"
#include "handler/quota_error.h"

namespace gc {
namespace {

constexpr size_t kShownHashDigits = 8;  // of a key's hash: enough to tell one's own keys apart

}  // namespace

gemini::Usage Exchange::usage() const {
  gemini::Usage sum;
  for (const gemini::Usage& usage : usages) sum.Add(usage);
  return sum;
}

void StartAnswer(Exchange* exchange, int status, HttpHeaders headers) {
  exchange->status = status;
  headers.emplace_back("x-request-id", exchange->request.id);
  if (exchange->attempts > 0) {
    headers.emplace_back("x-gateway-key", exchange->keys.key_hash().substr(0, kShownHashDigits));
    headers.emplace_back("x-gateway-attempts", std::to_string(exchange->attempts));
  }
  if (exchange->shape == ErrorShape::kAnthropic) {
    headers.emplace_back("request-id", AnthropicRequestId(exchange->request.id));
  }
  exchange->sink.Start(status, headers);
}

void AnswerJson(Exchange* exchange, int status, std::string_view body) {
  StartAnswer(exchange, status,
              {{"content-type", "application/json"}, {"content-length", std::to_string(body.size())}});
  if (!exchange->sink.Write(body) || !exchange->sink.Finish()) ClientLeft(exchange);
}

void AnswerError(Exchange* exchange, ApiError error) {
  const int status = HttpStatus(exchange->shape, error.kind);
  const std::string body = ErrorBody(exchange->shape, error, exchange->request.id);
  HttpHeaders headers = {{"content-type", "application/json"}, {"content-length", std::to_string(body.size())}};
  if (error.retry_after_s > 0) headers.emplace_back("retry-after", std::to_string(error.retry_after_s));
  if (RetryIsPointless(error.kind)) headers.emplace_back("x-should-retry", "false");
  if (error.kind == ApiErrorKind::kMethodNotAllowed) headers.emplace_back("allow", exchange->allow);
  exchange->error = std::move(error);
  StartAnswer(exchange, status, std::move(headers));
  if (!exchange->sink.Write(body) || !exchange->sink.Finish()) ClientLeft(exchange);
}

void AnswerParseError(Exchange* exchange, ApiError error) {
  if (exchange->sink.ClientGone()) return ClientLeft(exchange);
  AnswerError(exchange, std::move(error));
}

void ClientLeft(Exchange* exchange) { exchange->status = 499; }

void NoteResponse(Exchange* exchange, const gemini::Response& response) {
  if (response.usage.present) {
    if (exchange->usages.size() <= response.call) exchange->usages.resize(response.call + 1);
    exchange->usages[response.call] = response.usage;
  }
  if (!response.finish_reason.empty()) exchange->finish_reason = response.finish_reason;
  if (!response.block_reason.empty()) exchange->finish_reason = response.block_reason;
}

ApiError NoteFailure(Exchange* exchange, const gemini::Failure& failure) {
  exchange->next_step = exchange->keys.Refused(failure);
  if (!failure.violations.empty()) exchange->quota_id = failure.violations.front().quota_id;
  ApiError error = ToApiError(failure, exchange->clock.UnixS());
  error.message = Redact(error.message, exchange->credentials.keys());
  return error;
}

ApiError TransportError(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kUnreachable:
      return {ApiErrorKind::kUpstreamUnreachable, "Gemini cannot be reached: " + error.message, "", 0};
    case ErrorKind::kTimeout:
      return {ApiErrorKind::kUpstreamTimeout, "Gemini does not answer: " + error.message, "", 0};
    case ErrorKind::kIo:
      return {ApiErrorKind::kUpstreamInterrupted, "Gemini's answer was cut: " + error.message, "", 0};
    case ErrorKind::kStopping:
      return {ApiErrorKind::kBusy, "The gateway restarts and could not wait for the end of this answer", "", 1};
    default:
      return {ApiErrorKind::kInternal, "The call to Gemini failed: " + error.message, "", 0};
  }
}

ApiError RefusalError(Exchange* exchange, int http_status, std::string_view body) {
  exchange->upstream_status = http_status;  // a call beside this one may have been answered since
  const gemini::Failure failure = gemini::ReadFailure(body, http_status);
  ApiError error = NoteFailure(exchange, failure);
  // A 200 that is neither a stream nor an error: a page of some front end.
  if (http_status < 400 && failure.message.empty()) error.kind = ApiErrorKind::kUpstreamBadResponse;
  return error;
}

bool Collector::OnHead(int status, const HttpFields& headers) {
  exchange_->upstream_status = status;
  status_ = status;
  headers_ = headers;
  return true;
}

bool Collector::OnBody(std::string_view bytes) {
  if (exchange_->first_token_us == 0) exchange_->first_token_us = exchange_->clock.MonotonicUs();
  too_large_ = body_.size() + bytes.size() > exchange_->max_response_bytes();
  if (!too_large_) body_ += bytes;
  return !too_large_;
}

bool Collector::OnWait() {
  client_gone_ = exchange_->sink.ClientGone();
  return !client_gone_;
}

bool Collector::OnEnd() {
  is_refusal_ = status_ < 200 || status_ > 299;
  return !is_refusal_;
}

std::optional<ApiError> CallTogether(Exchange* exchange, std::span<const GeminiCall> calls,
                                     std::span<Collector* const> collected) {
  exchange->attempts += static_cast<int>(calls.size());
  const std::vector<HttpObserver*> observers(collected.begin(), collected.end());
  const Status sent =
      exchange->gemini.Send(exchange->keys.key(), calls, observers, exchange->sink.WatchFd(), exchange->tick_ms());
  for (Collector* collector : collected) {
    if (collector->client_gone()) {
      ClientLeft(exchange);
      return ApiError{ApiErrorKind::kInternal, "the client left", "", 0};
    }
    if (collector->too_large()) {
      return ApiError{ApiErrorKind::kUpstreamBadResponse,
                      "Gemini's answer is over " + std::to_string(exchange->max_response_bytes()) + " bytes", "", 0};
    }
    if (collector->is_refusal()) return RefusalError(exchange, collector->status(), collector->body());
  }
  if (!sent.ok()) return TransportError(sent.error());
  return std::nullopt;
}

std::string_view FindField(const HttpFields& fields, std::string_view name) {
  for (const auto& [n, value] : fields) {
    if (n == name) return value;
  }
  return {};
}

}  // namespace gc
