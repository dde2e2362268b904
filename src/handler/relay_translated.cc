// relay_translated.cc: one unary or streamed call, Gemini's answer in, the protocol's answer out.
// SPDX-License-Identifier: MIT
#include "handler/relay_translated.h"

#include <algorithm>

#include "base/redact.h"
#include "base/sse.h"

namespace gc {
namespace {

HttpHeaders StreamHeaders() {
  return {{"content-type", "text/event-stream"}, {"cache-control", "no-cache"}, {"x-accel-buffering", "no"}};
}

// Turns Gemini's event stream into the protocol's, event by event. Nothing goes out before the upstream's status is
// known, so that a refusal still gets its own status.
class StreamTranslator final : public HttpObserver {
 public:
  StreamTranslator(Exchange* exchange, Protocol* protocol)
      : exchange_(exchange), protocol_(protocol), events_(exchange->max_response_bytes()), refusal_(exchange) {}

  bool OnHead(int status, const HttpFields& headers) override {
    exchange_->upstream_status = status;
    if (status != 200 || !FindField(headers, "content-type").starts_with("text/event-stream")) {
      is_refusal_ = true;
      return refusal_.OnHead(status, headers);
    }
    started_ = true;
    StartAnswer(exchange_, 200, StreamHeaders());
    std::string out;
    protocol_->WriteStart(&out);
    out += kSseComment;
    return Send(out);
  }

  bool OnBody(std::string_view bytes) override {
    if (is_refusal_) return refusal_.OnBody(bytes);
    const Status fed = events_.Feed(bytes, [this](std::string data) { return OnEvent(std::move(data)); });
    if (!fed.ok())
      error_ = ApiError{ApiErrorKind::kUpstreamBadResponse, "Gemini sent an " + fed.error().message, "", 0};
    return fed.ok() && !client_gone_ && !error_;
  }

  bool OnWait() override {
    client_gone_ = client_gone_ || exchange_->sink.ClientGone();
    if (client_gone_) return false;
    const int64_t silent_ms = (exchange_->clock.MonotonicUs() - last_sent_us_) / 1000;
    return !started_ || silent_ms < exchange_->tick_ms() || Send(kSseComment);
  }

  // After the call: the closing frames, or the error, or nothing for a client that left.
  void Finish(const Status& sent) {
    if (sent.ok() && started_ && !error_) {
      std::string last = events_.TakeUnterminated();
      if (!last.empty()) OnEvent(std::move(last));
    }
    if (client_gone_) return ClientLeft(exchange_);
    if (!error_ && is_refusal_ && (sent.ok() || refusal_.too_large())) {
      error_ = RefusalError(exchange_, refusal_.status(), refusal_.body());
    } else if (!error_ && !sent.ok()) {
      error_ = TransportError(sent.error());
    }
    if (!started_) return AnswerError(exchange_, std::move(*error_));
    End();
  }

 private:
  bool OnEvent(std::string data) {
    auto response = gemini::ParseResponse(std::move(data));
    if (!response.ok()) {
      error_ = ApiError{ApiErrorKind::kUpstreamBadResponse, "Gemini sent an event that is not JSON", "", 0};
      return false;
    }
    gemini::Failure failure;
    if (gemini::ParseFailure(response->root(), 200, &failure)) {
      error_ = NoteFailure(exchange_, failure);
      return false;
    }
    NoteResponse(exchange_, *response);
    if (exchange_->first_token_us == 0) exchange_->first_token_us = exchange_->clock.MonotonicUs();
    std::string out;
    protocol_->WriteChunk(*response, &out);
    return out.empty() || Send(out);
  }

  void End() {
    std::string out;
    if (!error_) {
      if (auto ended = protocol_->WriteEnd(&out); !ended.ok()) error_ = ended.error();
    }
    if (error_) {
      error_->message = Redact(error_->message, exchange_->credentials.keys());
      protocol_->WriteError(*error_, &out);
      exchange_->error = error_;
    }
    if (!Send(out)) ClientLeft(exchange_);
  }

  bool Send(std::string_view frames) {
    client_gone_ = client_gone_ || !exchange_->sink.Write(frames) || !exchange_->sink.Flush();
    last_sent_us_ = exchange_->clock.MonotonicUs();
    return !client_gone_;
  }

  Exchange* exchange_;
  Protocol* protocol_;
  SseReader events_;
  Collector refusal_;
  std::optional<ApiError> error_;
  int64_t last_sent_us_ = 0;
  bool is_refusal_ = false;
  bool started_ = false;
  bool client_gone_ = false;
};

void Stream(Exchange* exchange, Protocol* protocol, const GeminiCall& call) {
  ++exchange->attempts;
  StreamTranslator translator(exchange, protocol);
  const Status sent =
      exchange->gemini.Send(exchange->key(), call, &translator, exchange->sink.WatchFd(), exchange->tick_ms());
  translator.Finish(sent);
}

void Unary(Exchange* exchange, Protocol* protocol, const GeminiCall& call) {
  Collector collected(exchange);
  if (auto error = CallUnary(exchange, call, &collected)) {
    if (exchange->status != 499) AnswerError(exchange, std::move(*error));
    return;
  }
  auto response = gemini::ParseResponse(std::move(collected.body()));
  if (!response.ok()) {
    return AnswerError(exchange, {ApiErrorKind::kUpstreamBadResponse, "Gemini sent an answer that is not JSON", "", 0});
  }
  gemini::Failure failure;
  if (gemini::ParseFailure(response->root(), 200, &failure)) {
    return AnswerError(exchange, NoteFailure(exchange, failure));
  }
  NoteResponse(exchange, *response);
  auto body = protocol->WriteFull(*response);
  if (!body.ok()) return AnswerError(exchange, std::move(body.error()));
  AnswerJson(exchange, 200, *body);
}

}  // namespace

void RelayTranslated(Exchange* exchange, Protocol* protocol, const gemini::Request& call) {
  GeminiCall http;
  http.method = "POST";
  http.target = "/v1beta/models/" + call.model + (call.stream ? ":streamGenerateContent?alt=sse" : ":generateContent");
  http.headers = {{"content-type", "application/json"}};
  http.body = call.body;
  if (call.stream) return Stream(exchange, protocol, http);
  Unary(exchange, protocol, http);
}

void AnswerUnasked(Exchange* exchange, Protocol* protocol, bool stream) {
  const auto nothing = gemini::ParseResponse(R"({"candidates":[{"finishReason":"MAX_TOKENS"}]})");
  if (!stream) {
    const auto body = protocol->WriteFull(*nothing);
    return body.ok() ? AnswerJson(exchange, 200, *body) : AnswerError(exchange, body.error());
  }
  std::string out;
  protocol->WriteStart(&out);
  protocol->WriteChunk(*nothing, &out);
  if (const auto ended = protocol->WriteEnd(&out); !ended.ok()) return AnswerError(exchange, ended.error());
  StartAnswer(exchange, 200, StreamHeaders());
  if (!exchange->sink.Write(out) || !exchange->sink.Flush()) ClientLeft(exchange);
}

}  // namespace gc
