// relay_translated.cc: one or more unary or streamed calls, Gemini's answers in, the protocol's one answer out.
// SPDX-License-Identifier: MIT
#include "handler/relay_translated.h"

#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "base/redact.h"
#include "base/sse.h"
#include "handler/exchange_keys.h"
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

// The client's stream, made of Gemini's event by event; of one call, or of several as their events come. The head goes
// out with the first event that is something to the client once all upstreams' statuses are known, or when it has
// waited for stream.keepalive_s: until then a refusal or an empty answer can be asked again, and what is an error in
// the end gets its own status.
class ClientStream {
 public:
  ClientStream(Exchange* exchange, Protocol* protocol, size_t calls)
      : exchange_(exchange), protocol_(protocol), awaited_heads_(calls) {}

  // One more upstream has begun its stream.
  void Begin() {
    if (!std::exchange(begun_, true)) {
      last_sent_us_ = exchange_->clock.MonotonicUs();
      protocol_->WriteStart(&pending_);
    }
    if (awaited_heads_ > 0 && --awaited_heads_ == 0 && has_events_) Send({});
  }

  void Write(const gemini::Response& response) {
    NoteResponse(exchange_, response);
    if (exchange_->first_token_us == 0) exchange_->first_token_us = exchange_->clock.MonotonicUs();
    std::string out;
    protocol_->WriteChunk(response, &out);
    if (!out.empty()) Send(out);
  }

  // The stream cannot go on. The first reason counts.
  void Fail(ApiError error) {
    if (!error_) error_ = std::move(error);
  }
  // One answer has ended without content; nullopt: without a reason as well, which the protocol will find.
  void FailEmpty(std::optional<ApiError> error) {
    is_empty_ = true;
    error_ = std::move(error);
  }
  bool is_open() const { return !client_gone_ && !error_; }

  // Before an upstream's status is known the client gets nothing, and afterwards only while an upstream is there: this
  // is called no longer once their connections have ended.
  bool Tick() {
    client_gone_ = client_gone_ || exchange_->sink.ClientGone();
    if (client_gone_) return false;
    const int64_t silent_ms = (exchange_->clock.MonotonicUs() - last_sent_us_) / 1000;
    if (begun_ && silent_ms >= exchange_->tick_ms()) {
      awaited_heads_ = 0;
      Send(kSseComment);
    }
    return !client_gone_;
  }

  // After the calls: the closing frames, or the error, or nothing for a client that left. Else what failed before
  // anything was sent.
  std::optional<Failed> Finish(const Status& sent) {
    if (client_gone_) {
      ClientLeft(exchange_);
      return std::nullopt;
    }
    // What was cancelled is our own doing.
    if (!error_ && !sent.ok() && sent.error().kind != ErrorKind::kCancelled) error_ = TransportError(sent.error());
    std::string out;
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
      if (is_empty_) return Failed{Remedy::kSameAgain, std::move(*error_)};
      return Refused(std::move(*error_));
    }
    exchange_->signatures.Keep(protocol_->signed_calls());
    protocol_->WriteError(*error_, &out);
    exchange_->error = error_;
    if (!Send(out)) ClientLeft(exchange_);
    return std::nullopt;
  }

 private:
  bool Send(std::string_view frames) {
    if (!started_ && awaited_heads_ > 0) {
      pending_ += frames;
      has_events_ = true;
      return true;
    }
    if (!started_) {
      started_ = true;
      StartAnswer(exchange_, 200, StreamHeaders());
      client_gone_ = !exchange_->sink.Write(pending_);
      pending_ = {};
    }
    client_gone_ = client_gone_ || !exchange_->sink.Write(frames) || !exchange_->sink.Flush();
    last_sent_us_ = exchange_->clock.MonotonicUs();
    return !client_gone_;
  }

  Exchange* exchange_;
  Protocol* protocol_;
  size_t awaited_heads_;  // upstreams whose status is waited for
  std::string pending_;   // the first frames: what was not sent yet
  std::optional<ApiError> error_;
  int64_t last_sent_us_ = 0;
  bool has_events_ = false;  // in pending_, beside the protocol's start
  bool is_empty_ = false;
  bool begun_ = false;    // an upstream's status is 200
  bool started_ = false;  // the client has its head
  bool client_gone_ = false;
};

// Reads the stream of one call.
class CallReader final : public HttpObserver {
 public:
  CallReader(Exchange* exchange, ClientStream* client, size_t call)
      : exchange_(exchange),
        client_(client),
        call_(call),
        events_(exchange->max_response_bytes()),
        refusal_(exchange) {}

  bool OnHead(int status, const HttpFields& headers) override {
    exchange_->upstream_status = status;
    if (status != 200 || !FindField(headers, "content-type").starts_with("text/event-stream")) {
      is_refusal_ = true;
      return refusal_.OnHead(status, headers);
    }
    client_->Begin();
    return client_->is_open();
  }

  bool OnBody(std::string_view bytes) override {
    if (is_refusal_) {
      if (refusal_.OnBody(bytes)) return true;
      Refuse();
      return false;
    }
    const Status fed = events_.Feed(bytes, [this](std::string data) { return OnEvent(std::move(data)); });
    if (!fed.ok()) client_->Fail({ApiErrorKind::kUpstreamBadResponse, "Gemini sent an " + fed.error().message, "", 0});
    return client_->is_open();
  }

  bool OnWait() override { return client_->Tick(); }

  bool OnEnd() override {
    if (is_refusal_) {
      Refuse();
      return false;
    }
    if (std::string last = events_.TakeUnterminated(); !last.empty()) OnEvent(std::move(last));
    if (client_->is_open() && watch_.is_empty()) client_->FailEmpty(watch_.error());
    return client_->is_open() && watch_.is_finished();
  }

 private:
  void Refuse() { client_->Fail(RefusalError(exchange_, refusal_.status(), refusal_.body())); }

  bool OnEvent(std::string data) {
    auto response = gemini::ParseResponse(std::move(data));
    if (!response.ok()) {
      client_->Fail({ApiErrorKind::kUpstreamBadResponse, "Gemini sent an event that is not JSON", "", 0});
      return false;
    }
    gemini::Failure failure;
    if (gemini::ParseFailure(response->root(), 200, &failure)) {
      client_->Fail(NoteFailure(exchange_, failure));
      return false;
    }
    response->call = call_;
    watch_.Note(*response);
    client_->Write(*response);
    return client_->is_open();
  }

  Exchange* exchange_;
  ClientStream* client_;
  const size_t call_;
  SseReader events_;
  Collector refusal_;
  AnswerWatch watch_;
  bool is_refusal_ = false;
};

std::optional<Failed> Stream(Exchange* exchange, Protocol* protocol, std::span<const GeminiCall> calls) {
  exchange->attempts += static_cast<int>(calls.size());
  ClientStream client(exchange, protocol, calls.size());
  std::deque<CallReader> readers;
  std::vector<HttpObserver*> observers;
  for (size_t i = 0; i < calls.size(); ++i) observers.push_back(&readers.emplace_back(exchange, &client, i));
  return client.Finish(
      exchange->gemini.Send(exchange->keys.key(), calls, observers, exchange->sink.WatchFd(), exchange->tick_ms()));
}

// The whole answer to one call, or why it is none.
class AnswerReader final : public Collector {
 public:
  AnswerReader(Exchange* exchange, size_t call) : Collector(exchange), exchange_(exchange), call_(call) {}

  // An answer that nobody can use ends the calls beside it.
  bool OnEnd() override {
    if (!Collector::OnEnd()) return false;
    auto response = gemini::ParseResponse(std::move(body()));
    if (!response.ok()) {
      failed = Failed{.error = {ApiErrorKind::kUpstreamBadResponse, "Gemini sent an answer that is not JSON", "", 0}};
      return false;
    }
    gemini::Failure failure;
    if (gemini::ParseFailure(response->root(), 200, &failure)) {
      failed = Refused(NoteFailure(exchange_, failure));
      return false;
    }
    response->call = call_;
    NoteResponse(exchange_, *response);
    AnswerWatch watch;
    watch.Note(*response);
    if (watch.is_empty()) remedy = Remedy::kSameAgain;
    if (auto error = watch.error(); error && watch.is_empty()) failed = Failed{remedy, std::move(*error)};
    answer = std::move(*response);
    return !failed;
  }

  gemini::Response answer;
  std::optional<Failed> failed;
  Remedy remedy = Remedy::kNone;  // for what the protocol cannot use

 private:
  Exchange* exchange_;
  const size_t call_;
};

std::optional<Failed> Unary(Exchange* exchange, Protocol* protocol, std::span<const GeminiCall> calls) {
  std::deque<AnswerReader> readers;
  std::vector<Collector*> collected;
  for (size_t i = 0; i < calls.size(); ++i) collected.push_back(&readers.emplace_back(exchange, i));
  auto error = CallTogether(exchange, calls, collected);
  if (exchange->status == 499) return std::nullopt;
  Remedy remedy = Remedy::kNone;
  std::vector<gemini::Response> answers;
  for (AnswerReader& reader : readers) {
    if (reader.failed) return std::move(reader.failed);
    if (reader.remedy != Remedy::kNone) remedy = reader.remedy;
    answers.push_back(std::move(reader.answer));
  }
  if (error) return Refused(std::move(*error));
  auto body = protocol->WriteFull(answers);
  if (!body.ok()) return Failed{remedy, std::move(body.error())};
  exchange->signatures.Keep(protocol->signed_calls());
  AnswerJson(exchange, 200, *body);
  return std::nullopt;
}

// For a request that wants no answer, Gemini is not asked. What the client gets was ended by its limit.
void AnswerUnasked(Exchange* exchange, Protocol* protocol, bool stream) {
  const auto nothing = gemini::ParseResponse(R"({"candidates":[{"finishReason":"MAX_TOKENS"}]})");
  if (!stream) {
    const auto body = protocol->WriteFull({&*nothing, 1});
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
  std::optional<ApiError> last_error;
  context.media = exchange->media;
  for (Retries retries;;) {
    // A new one for each call: it counts what it has seen.
    const std::unique_ptr<Protocol> protocol = new_protocol(exchange->clock);
    auto call = protocol->Parse(exchange->request, context);
    labels->original_model = protocol->requested_model();
    if (!call.ok()) return AnswerParseError(exchange, std::move(call.error()));
    labels->model = call->model;
    labels->is_stream = call->stream;
    if (protocol->wants_no_answer()) return AnswerUnasked(exchange, protocol.get(), call->stream);
    GeminiCall http;
    http.method = "POST";
    http.target =
        "/v1beta/models/" + call->model + (call->stream ? ":streamGenerateContent?alt=sse" : ":generateContent");
    http.headers = {{"content-type", "application/json"}};
    http.body = call->body;
    const std::vector<GeminiCall> calls(call->calls, http);
    const CallSubject subject = SubjectOf(*exchange, call->model, call->body, call->calls);
    if (auto none_left = TakeKey(exchange, subject, last_error)) {
      if (exchange->status != 499) AnswerError(exchange, std::move(*none_left));
      return;
    }
    auto failed = call->stream ? Stream(exchange, protocol.get(), calls) : Unary(exchange, protocol.get(), calls);
    if (!failed) return;
    if (!retries.Take(failed->remedy, &context) && !MayCallAgain(exchange)) {
      if (exchange->status != 499) AnswerError(exchange, std::move(failed->error));
      return;
    }
    last_error = std::move(failed->error);
  }
}

}  // namespace gc
