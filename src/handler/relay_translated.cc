// relay_translated.cc: one unary or streamed call, Gemini's answer in, the protocol's answer out.
// SPDX-License-Identifier: MIT
#include "handler/relay_translated.h"

#include <algorithm>

#include "base/redact.h"
#include "base/sse.h"
#include "handler/retries.h"

namespace gc {
namespace {

HttpHeaders StreamHeaders() {
  return {{"content-type", "text/event-stream"}, {"cache-control", "no-cache"}, {"x-accel-buffering", "no"}};
}

// What one call to Gemini came to. Nothing was sent to the client: with a remedy, it can be made again.
struct Failed {
  Remedy remedy = Remedy::kNone;
  ApiError error;
};

Failed Refused(ApiError error) {
  const Remedy remedy = RemedyFor(error);
  return {remedy, std::move(error)};
}

// Turns Gemini's event stream into the protocol's, event by event. The head goes out with the first event that is
// something to the client, or when it has waited for stream.keepalive_s: until then a refusal or an empty answer can
// be asked again, and what is an error in the end gets its own status.
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
    is_stream_ = true;
    last_sent_us_ = exchange_->clock.MonotonicUs();
    protocol_->WriteStart(&opening_);
    return true;
  }

  bool OnBody(std::string_view bytes) override {
    if (is_refusal_) return refusal_.OnBody(bytes);
    const Status fed = events_.Feed(bytes, [this](std::string data) { return OnEvent(std::move(data)); });
    if (!fed.ok())
      error_ = ApiError{ApiErrorKind::kUpstreamBadResponse, "Gemini sent an " + fed.error().message, "", 0};
    return fed.ok() && !client_gone_ && !error_;
  }

  // Before the upstream's status is known the client gets nothing, and afterwards only while the upstream is there:
  // this is called no longer once its connection has ended.
  bool OnWait() override {
    client_gone_ = client_gone_ || exchange_->sink.ClientGone();
    if (client_gone_) return false;
    const int64_t silent_ms = (exchange_->clock.MonotonicUs() - last_sent_us_) / 1000;
    return !is_stream_ || silent_ms < exchange_->tick_ms() || Send(kSseComment);
  }

  // After the call: the closing frames, or the error, or nothing for a client that left. Else what failed before
  // anything was sent.
  std::optional<Failed> Finish(const Status& sent) {
    if (sent.ok() && is_stream_ && !error_) {
      std::string last = events_.TakeUnterminated();
      if (!last.empty()) OnEvent(std::move(last));
    }
    if (client_gone_) {
      ClientLeft(exchange_);
      return std::nullopt;
    }
    if (!error_ && is_refusal_ && (sent.ok() || refusal_.too_large())) {
      error_ = RefusalError(exchange_, refusal_.status(), refusal_.body());
    } else if (!error_ && !sent.ok()) {
      error_ = TransportError(sent.error());
    }
    return End();
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
    watch_.Note(*response);
    if (exchange_->first_token_us == 0) exchange_->first_token_us = exchange_->clock.MonotonicUs();
    std::string out;
    protocol_->WriteChunk(*response, &out);
    return out.empty() || Send(out);
  }

  std::optional<Failed> End() {
    std::string out;
    const bool is_empty = !error_ && watch_.is_empty();
    if (is_empty) error_ = watch_.error();
    if (!error_) {
      if (auto ended = protocol_->WriteEnd(&out); !ended.ok()) error_ = ended.error();
    }
    if (!error_) {
      exchange_->signatures.Keep(protocol_->signed_calls());
      if (!Send(out)) ClientLeft(exchange_);
      return std::nullopt;
    }
    error_->message = Redact(error_->message, exchange_->credentials.keys());
    if (!started_) {
      if (is_empty) return Failed{Remedy::kSameAgain, std::move(*error_)};
      return Refused(std::move(*error_));
    }
    exchange_->signatures.Keep(protocol_->signed_calls());
    protocol_->WriteError(*error_, &out);
    exchange_->error = error_;
    if (!Send(out)) ClientLeft(exchange_);
    return std::nullopt;
  }

  bool Send(std::string_view frames) {
    if (!started_) {
      started_ = true;
      StartAnswer(exchange_, 200, StreamHeaders());
      client_gone_ = !exchange_->sink.Write(opening_);
    }
    client_gone_ = client_gone_ || !exchange_->sink.Write(frames) || !exchange_->sink.Flush();
    last_sent_us_ = exchange_->clock.MonotonicUs();
    return !client_gone_;
  }

  Exchange* exchange_;
  Protocol* protocol_;
  SseReader events_;
  Collector refusal_;
  AnswerWatch watch_;
  std::string opening_;  // the protocol's first frames
  std::optional<ApiError> error_;
  int64_t last_sent_us_ = 0;
  bool is_refusal_ = false;
  bool is_stream_ = false;  // the upstream's status is 200
  bool started_ = false;    // the client has its head
  bool client_gone_ = false;
};

std::optional<Failed> Stream(Exchange* exchange, Protocol* protocol, const GeminiCall& call) {
  ++exchange->attempts;
  StreamTranslator translator(exchange, protocol);
  const Status sent =
      exchange->gemini.Send(exchange->key(), call, &translator, exchange->sink.WatchFd(), exchange->tick_ms());
  return translator.Finish(sent);
}

std::optional<Failed> Unary(Exchange* exchange, Protocol* protocol, const GeminiCall& call) {
  Collector collected(exchange);
  if (auto error = CallUnary(exchange, call, &collected)) {
    if (exchange->status == 499) return std::nullopt;
    return Refused(std::move(*error));
  }
  auto response = gemini::ParseResponse(std::move(collected.body()));
  if (!response.ok()) {
    return Failed{.error = {ApiErrorKind::kUpstreamBadResponse, "Gemini sent an answer that is not JSON", "", 0}};
  }
  gemini::Failure failure;
  if (gemini::ParseFailure(response->root(), 200, &failure)) return Refused(NoteFailure(exchange, failure));
  NoteResponse(exchange, *response);
  AnswerWatch watch;
  watch.Note(*response);
  const Remedy remedy = watch.is_empty() ? Remedy::kSameAgain : Remedy::kNone;
  if (auto error = watch.error(); error && watch.is_empty()) return Failed{remedy, std::move(*error)};
  auto body = protocol->WriteFull(*response);
  if (!body.ok()) return Failed{remedy, std::move(body.error())};
  exchange->signatures.Keep(protocol->signed_calls());
  AnswerJson(exchange, 200, *body);
  return std::nullopt;
}

// What the call before said is not what the log row is about.
void ForgetCall(Exchange* exchange) {
  exchange->usage = {};
  exchange->finish_reason.clear();
  exchange->first_token_us = 0;
  exchange->upstream_status = 0;
}

// For a request that wants no answer, Gemini is not asked. What the client gets was ended by its limit.
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

}  // namespace

void RelayTranslated(Exchange* exchange, ProtocolFactory new_protocol, ParseContext context, Labels* labels) {
  context.aliases = &exchange->aliases;
  context.signatures = &exchange->signatures;
  for (Retries retries;;) {
    // A new one for each call: it counts what it has seen.
    const std::unique_ptr<Protocol> protocol = new_protocol(exchange->clock);
    auto call = protocol->Parse(exchange->request, context);
    labels->original_model = protocol->requested_model();
    if (!call.ok()) return AnswerError(exchange, std::move(call.error()));
    labels->model = call->model;
    labels->is_stream = call->stream;
    if (protocol->wants_no_answer()) return AnswerUnasked(exchange, protocol.get(), call->stream);
    GeminiCall http;
    http.method = "POST";
    http.target =
        "/v1beta/models/" + call->model + (call->stream ? ":streamGenerateContent?alt=sse" : ":generateContent");
    http.headers = {{"content-type", "application/json"}};
    http.body = call->body;
    auto failed = call->stream ? Stream(exchange, protocol.get(), http) : Unary(exchange, protocol.get(), http);
    if (!failed) return;
    if (!retries.Take(failed->remedy, &context)) return AnswerError(exchange, std::move(failed->error));
    ForgetCall(exchange);
  }
}

}  // namespace gc
