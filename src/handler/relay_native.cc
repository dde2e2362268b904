// relay_native.cc: native pass-through.
// SPDX-License-Identifier: MIT
#include "handler/relay_native.h"

#include <algorithm>
#include <optional>

#include "base/json_array.h"
#include "base/redact.h"
#include "base/sse.h"
#include "handler/exchange_keys.h"

namespace gc {
namespace {

constexpr std::string_view kRequestHeaders[] = {"content-type", "x-goog-api-client", "x-goog-request-params",
                                                "x-server-timeout", "range"};
constexpr std::string_view kResponseHeaders[] = {
    "content-type",          "content-disposition", "content-range", "retry-after",
    "x-gemini-service-tier", "server-timing",       "last-modified", "etag"};
constexpr std::string_view kMethods[] = {"GET", "POST", "PATCH", "PUT", "DELETE"};

template <size_t N>
bool IsIn(const std::string_view (&list)[N], std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

bool IsPathByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~:/").find(c) != std::string_view::npos;
}

bool IsQueryByte(char c) {
  return static_cast<unsigned char>(c) > 0x20 && c != 0x7F && c != '"' && c != '<' && c != '>';
}

bool HasPair(std::string_view query, std::string_view pair) {
  while (!query.empty()) {
    const size_t end = query.find('&');
    if (query.substr(0, end) == pair) return true;
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return false;
}

HttpHeaders AllowedHeaders(const HttpFields& headers) {
  HttpHeaders out;
  for (const auto& [name, value] : headers) {
    if (IsIn(kResponseHeaders, name)) out.emplace_back(name, value);
  }
  return out;
}

// An error body goes back as Google wrote it, but for the caller's keys.
void PassRefusal(Exchange* exchange, Collector* refusal) {
  ApiError error = RefusalError(exchange, refusal->status(), refusal->body());
  const std::string body = Redact(refusal->body(), exchange->credentials.keys());
  HttpHeaders headers = AllowedHeaders(refusal->headers());
  headers.emplace_back("content-length", std::to_string(body.size()));
  if (error.retry_after_s > 0 && FindField(refusal->headers(), "retry-after").empty()) {
    headers.emplace_back("retry-after", std::to_string(error.retry_after_s));
  }
  exchange->error = std::move(error);
  StartAnswer(exchange, refusal->status(), std::move(headers));
  if (!exchange->sink.Write(body) || !exchange->sink.Flush()) ClientLeft(exchange);
}

constexpr size_t kLongestMark = 4;  // "\r\n\r\n"

// End of the last complete event in `bytes` (after its empty line), 0 when there is none. The bytes before `from` are
// known to hold no end: an event of megabytes, an image, comes in a thousand pieces.
size_t EndOfEvents(std::string_view bytes, size_t from = 0) {
  size_t end = 0;
  for (const std::string_view mark : {"\r\n\r\n", "\n\n", "\r\r"}) {
    const size_t at = bytes.substr(from).rfind(mark);
    if (at != std::string_view::npos) end = std::max(end, from + at + mark.size());
  }
  return end;
}

// Passes an answer on while it arrives, and reads along.
class PassThrough final : public HttpObserver {
 public:
  PassThrough(Exchange* exchange, const NativeTarget& target)
      : exchange_(exchange),
        target_(target),
        events_(exchange->max_response_bytes()),
        elements_(exchange->max_response_bytes()),
        refusal_(exchange) {}

  bool OnHead(int status, const HttpFields& headers) override {
    exchange_->upstream_status = status;
    if (status < 200 || status > 299) {
      is_refusal_ = true;
      return refusal_.OnHead(status, headers);
    }
    const std::string_view type = FindField(headers, "content-type");
    reads_sse_ = target_.is_sse && type.starts_with("text/event-stream");
    reads_array_ = target_.is_stream && !reads_sse_;
    HttpHeaders out = AllowedHeaders(headers);
    if (reads_sse_) {
      out.emplace_back("cache-control", "no-cache");
      out.emplace_back("x-accel-buffering", "no");
    } else if (const std::string_view length = FindField(headers, "content-length"); !length.empty()) {
      out.emplace_back("content-length", length);
    }
    started_ = true;
    StartAnswer(exchange_, status, std::move(out));
    return true;  // not flushed: an event stream's first bytes follow, and no comment may be added to them
  }

  bool OnBody(std::string_view bytes) override {
    if (is_refusal_) return refusal_.OnBody(bytes);
    if (exchange_->first_token_us == 0) exchange_->first_token_us = exchange_->clock.MonotonicUs();
    if (!reads_sse_) {
      if (reads_array_) ReadElements(bytes);
      return failure_passed_ ? Send(Redact(bytes, exchange_->credentials.keys())) : Send(bytes);
    }
    // Whole events only: should the stream be cut, the error event must not land inside half a frame.
    const Status fed = events_.Feed(bytes, [this](std::string data) { return Note(std::move(data)); });
    if (!fed.ok()) {
      exchange_->error = ApiError{ApiErrorKind::kUpstreamBadResponse, "Gemini sent an " + fed.error().message, "", 0};
      return false;
    }
    size_t searched = pending_.size() < kLongestMark ? 0 : pending_.size() - (kLongestMark - 1);
    pending_ += bytes;
    if (failure_passed_) {
      pending_ = Redact(pending_, exchange_->credentials.keys());
      searched = 0;  // it may be shorter now
    }
    const size_t end = EndOfEvents(pending_, searched);
    const bool sent = end == 0 || Send(std::string_view(pending_).substr(0, end));
    pending_.erase(0, end);
    return sent;
  }

  bool OnWait() override {
    client_gone_ = client_gone_ || exchange_->sink.ClientGone();
    return !client_gone_;
  }

  // Why the client has nothing yet, once the call is over; nullopt: it has, or it left.
  std::optional<ApiError> Failure(const Status& sent) {
    if (client_gone_ || started_) return std::nullopt;
    if (is_refusal_ && sent.ok()) return RefusalError(exchange_, refusal_.status(), refusal_.body());
    return sent.ok() ? std::nullopt : std::optional(TransportError(sent.error()));
  }

  void Finish(const Status& sent) {
    if (client_gone_) return ClientLeft(exchange_);
    if (is_refusal_ && sent.ok()) return PassRefusal(exchange_, &refusal_);
    if (!started_) return AnswerError(exchange_, TransportError(sent.error()));
    if (sent.ok() && reads_sse_) FinishEvents();
    if (!sent.ok() && !exchange_->error) {
      exchange_->error = TransportError(sent.error());
    } else if (target_.is_stream && !complete_ && !exchange_->error) {
      exchange_->error =
          ApiError{ApiErrorKind::kUpstreamInterrupted, "Gemini's stream ended without a finishReason", "", 0};
    }
    const bool cut = exchange_->error && !failure_passed_;
    if (cut && reads_sse_) SendErrorEvent();
    if (!exchange_->sink.Flush()) return ClientLeft(exchange_);
    // No error of ours fits into such a body, and an answer without a length would end as if it were whole.
    if (!sent.ok() && !reads_sse_) exchange_->sink.Abort();
  }

 private:
  // A last frame without its empty line: sent on as it is.
  void FinishEvents() {
    std::string last = events_.TakeUnterminated();
    if (!last.empty()) Note(std::move(last));
    Send(pending_);
    if (!pending_.empty() && EndOfEvents(pending_) != pending_.size()) Send("\r\n\r\n");
    pending_.clear();
  }

  // @google/genai raises an exception for such a frame only when error.code is a number from 400 to 599.
  void SendErrorEvent() {
    Send("data: " + ErrorBody(ErrorShape::kGemini, *exchange_->error, exchange_->request.id) + "\r\n\r\n");
  }

  void ReadElements(std::string_view bytes) {
    const Status fed = elements_.Feed(bytes, [this](std::string element) { Note(std::move(element)); });
    if (!fed.ok()) reads_array_ = false;  // too large to read along; it still passes
  }

  bool Note(std::string text) {
    const auto response = gemini::ParseResponse(std::move(text));
    if (!response.ok()) return true;  // the client will see what Gemini sent
    gemini::Failure failure;
    if (gemini::ParseFailure(response->root(), 200, &failure)) {
      exchange_->error = NoteFailure(exchange_, failure);
      failure_passed_ = true;
      return true;
    }
    NoteResponse(exchange_, *response);
    complete_ = complete_ || !response->finish_reason.empty() || !response->block_reason.empty();
    return true;
  }

  bool Send(std::string_view bytes) {
    client_gone_ = client_gone_ || !exchange_->sink.Write(bytes) || !exchange_->sink.Flush();
    return !client_gone_;
  }

  Exchange* exchange_;
  const NativeTarget& target_;
  SseReader events_;
  JsonArrayReader elements_;
  Collector refusal_;
  std::string pending_;  // an event that is not complete yet
  bool is_refusal_ = false;
  bool started_ = false;
  bool reads_sse_ = false;
  bool reads_array_ = false;
  bool complete_ = false;        // a finishReason was seen
  bool failure_passed_ = false;  // the client has the error from Gemini itself
  bool client_gone_ = false;
};

// One JSON answer: collected whole, so that a cut one can still become an error.
void RelayUnary(Exchange* exchange, std::string_view model, const GeminiCall& call) {
  Collector collected(exchange);
  if (auto error = CallUnary(exchange, model, call, &collected)) {
    if (exchange->status == 499) return;
    const bool google_said_so = collected.status() != 0 && (collected.status() < 200 || collected.status() > 299);
    if (google_said_so && !collected.too_large()) return PassRefusal(exchange, &collected);
    return AnswerError(exchange, std::move(*error));
  }
  if (const auto response = gemini::ParseResponse(collected.body()); response.ok()) {
    NoteResponse(exchange, *response);
  } else {
    return AnswerError(exchange, {ApiErrorKind::kUpstreamBadResponse, "Gemini sent an answer that is not JSON", "", 0});
  }
  HttpHeaders headers = AllowedHeaders(collected.headers());
  headers.emplace_back("content-length", std::to_string(collected.body().size()));
  StartAnswer(exchange, collected.status(), std::move(headers));
  if (!exchange->sink.Write(collected.body()) || !exchange->sink.Flush()) ClientLeft(exchange);
}

// Passes the answer on while it comes; a refusal only when no other key can do better.
void RelayStream(Exchange* exchange, std::string_view model, const GeminiCall& call, const NativeTarget& target) {
  const CallSubject subject = SubjectOf(*exchange, model, call.body);
  std::optional<PassThrough> pass;
  Status sent;
  for (std::optional<ApiError> failed;;) {
    if (auto none_left = TakeKey(exchange, subject, failed)) {
      if (exchange->status == 499) return;
      if (!pass) return AnswerError(exchange, std::move(*none_left));
      return pass->Finish(sent);
    }
    ++exchange->attempts;
    pass.emplace(exchange, target);
    sent = exchange->gemini.Send(exchange->keys.key(), call, &*pass, exchange->sink.WatchFd(), exchange->tick_ms());
    failed = pass->Failure(sent);
    if (!failed || !MayCallAgain(exchange)) break;
  }
  if (exchange->status != 499) pass->Finish(sent);
}

}  // namespace

Result<NativeTarget, ApiError> ReadNativeTarget(std::string_view path_id, std::string_view query) {
  const ApiError not_found{ApiErrorKind::kNotFound, "Gemini has no such path", "", 0};
  if (!std::all_of(path_id.begin(), path_id.end(), IsPathByte)) return not_found;
  if (!std::all_of(query.begin(), query.end(), IsQueryByte)) {
    return ApiError{ApiErrorKind::kInvalidRequest, "The query has bytes that must be percent-encoded", "", 0};
  }
  NativeTarget target;
  constexpr std::string_view kModels = "models/";
  const size_t colon = path_id.rfind(':');
  if (path_id.starts_with(kModels) && colon != std::string_view::npos) {
    target.model = path_id.substr(kModels.size(), colon - kModels.size());
    target.method = path_id.substr(colon + 1);
    if (!gemini::IsModelName(target.model)) return not_found;
    target.is_stream = target.method == "streamGenerateContent";
    target.is_sse =
        target.is_stream && (HasPair(query, "alt=sse") || HasPair(query, "$alt=sse") || HasPair(query, "%24alt=sse"));
    target.is_unary = !target.is_stream;
  }
  return target;
}

void RelayNative(Exchange* exchange, std::string_view path_id, const NativeTarget& target) {
  const HttpRequest& request = exchange->request;
  if (!IsIn(kMethods, request.method)) {
    exchange->allow = "GET, POST, PATCH, PUT, DELETE";
    return AnswerError(exchange, {ApiErrorKind::kMethodNotAllowed, "Gemini knows no method " + request.method, "", 0});
  }
  GeminiCall call;
  call.method = request.method;
  call.target = "/v1beta/" + std::string(path_id) + (request.query.empty() ? "" : "?" + request.query);
  call.body = request.body;
  for (const auto& [name, value] : request.headers) {
    if (IsIn(kRequestHeaders, name)) call.headers.emplace_back(name, value);
  }
  // Counting tokens has a quota of its own.
  const std::string_view model = target.method == "countTokens" ? std::string_view() : target.model;
  if (target.is_unary) return RelayUnary(exchange, model, call);
  RelayStream(exchange, model, call, target);
}

}  // namespace gc
