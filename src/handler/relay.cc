// relay.cc: the order of steps for every request, and its log row.
// SPDX-License-Identifier: MIT
#include "handler/relay.h"

#include "base/ip.h"
#include "base/json.h"
#include "base/redact.h"
#include "handler/access.h"
#include "handler/exchange.h"
#include "handler/exchange_keys.h"
#include "handler/models.h"
#include "handler/proto_anthropic.h"
#include "handler/proto_models.h"
#include "handler/proto_openai_chat.h"
#include "handler/relay_count_tokens.h"
#include "handler/relay_native.h"
#include "handler/relay_translated.h"
#include "handler/router.h"

namespace gc {
namespace {

constexpr size_t kMaxUserAgentBytes = 256;
constexpr size_t kMaxErrorBytes = 1024;
constexpr size_t kMaxModelBytes = 128;
constexpr int kMaxModelPages = 20;  // of 1,000 models each

bool IsProbe(Operation operation) {
  return operation == Operation::kHealth || operation == Operation::kLive || operation == Operation::kReady;
}

HealthAnswer Probe(Operation operation, Health* health) {
  if (operation == Operation::kHealth) return health->Report();
  if (operation == Operation::kReady) return health->Ready();
  return Health::Live();
}

// What a route that serves nothing here answers.
std::optional<ApiError> RouteError(const Route& route, const HttpRequest& request) {
  const std::string path = json::CleanUtf8(CutUtf8(request.path, 256));
  switch (route.found) {
    case Route::Found::kNoPath:
      return ApiError{ApiErrorKind::kNotFound, "Unknown path " + path, "", 0};
    case Route::Found::kWrongMethod:
      return ApiError{ApiErrorKind::kMethodNotAllowed,
                      path + " allows " + route.allow + ", not " + json::CleanUtf8(CutUtf8(request.method, 32)), "", 0};
    case Route::Found::kYes:
      break;
  }
  if (route.operation != Operation::kNotImplemented) return std::nullopt;
  return ApiError{ApiErrorKind::kNotImplemented, path + " is not served by this version", "", 0};
}

// Signatures go by the caller's first key, which is the caller as far as anybody can tell.
class CallersSignatures final : public CallSignatures {
 public:
  CallersSignatures(const KeyHasher& hasher, const Credentials& credentials, store::SignatureKeeper& keeper)
      : hasher_(hasher), credentials_(credentials), keeper_(keeper) {}

  std::vector<SignedCall> Find(std::span<const std::string_view> call_ids) override {
    std::vector<SignedCall> found;
    for (store::SignatureRow& row : keeper_.Find(KeyHash(), call_ids)) {
      found.push_back({std::move(row.call_id), std::move(row.signature)});
    }
    return found;
  }

  void Keep(std::span<const SignedCall> calls) override {
    if (calls.empty()) return;
    std::vector<store::SignatureRow> rows;
    const std::string key_hash = KeyHash();
    for (const SignedCall& call : calls) rows.push_back({key_hash, call.id, call.signature});
    keeper_.Add(std::move(rows));
  }

 private:
  std::string KeyHash() const { return hasher_.Hash(credentials_.keys().front()); }

  const KeyHasher& hasher_;
  const Credentials& credentials_;
  store::SignatureKeeper& keeper_;
};

std::unique_ptr<Protocol> NewMessages(Clock& clock) { return NewAnthropic(clock, AnthropicUse::kMessage); }

void ServeCountTokens(Exchange* exchange, Labels* labels) {
  const auto protocol = NewAnthropic(exchange->clock, AnthropicUse::kCountTokens);
  auto call =
      protocol->Parse(exchange->request,
                      {.aliases = &exchange->aliases, .signatures = &exchange->signatures, .media = exchange->media});
  labels->original_model = protocol->requested_model();
  if (!call.ok()) return AnswerParseError(exchange, std::move(call.error()));
  labels->model = call->model;
  RelayCountTokens(exchange, *call, protocol->estimated_input_tokens());
}

// Gemini's whole list, page by page.
void ServeModelList(Exchange* exchange) {
  auto wanted = ReadModelPage(exchange->shape, exchange->request.query);
  if (!wanted.ok()) return AnswerError(exchange, std::move(wanted.error()));
  std::vector<json::Document> pages;
  std::string token;
  do {
    GeminiCall call;
    call.method = "GET";
    call.target = "/v1beta/models?pageSize=1000" + (token.empty() ? "" : "&pageToken=" + token);
    Collector collected(exchange);
    if (auto error = CallUnary(exchange, {}, call, &collected)) {
      if (exchange->status != 499) AnswerError(exchange, std::move(*error));
      return;
    }
    auto page = json::Document::Parse(std::move(collected.body()));
    if (!page.ok()) {
      return AnswerError(exchange,
                         {ApiErrorKind::kUpstreamBadResponse, "Gemini sent a model list that is not JSON", "", 0});
    }
    token = PercentEncode(page->root().StringOr("nextPageToken", ""));
    pages.push_back(std::move(*page));
  } while (!token.empty() && pages.size() < kMaxModelPages);
  auto body = ModelListBody(exchange->shape, pages, &exchange->aliases, *wanted);
  if (!body.ok()) return AnswerError(exchange, std::move(body.error()));
  AnswerJson(exchange, 200, *body);
}

void ServeModel(Exchange* exchange, const std::string& id, Labels* labels) {
  labels->original_model = id;
  const auto model = ResolveModel(id, &exchange->aliases);
  if (!model) {
    return AnswerError(
        exchange, {ApiErrorKind::kModelNotFound, "The model " + json::CleanUtf8(id) + " does not exist", "model", 0});
  }
  labels->model = *model;
  GeminiCall call;
  call.method = "GET";
  call.target = "/v1beta/models/" + labels->model;
  Collector collected(exchange);
  if (auto error = CallUnary(exchange, {}, call, &collected)) {
    if (exchange->status != 499) AnswerError(exchange, std::move(*error));
    return;
  }
  const auto document = json::Document::Parse(std::move(collected.body()));
  if (!document.ok()) {
    return AnswerError(exchange, {ApiErrorKind::kUpstreamBadResponse, "Gemini sent a model that is not JSON", "", 0});
  }
  AnswerJson(exchange, 200, ModelBody(exchange->shape, document->root(), StripModelPrefix(id)));
}

void ServeNative(Exchange* exchange, const std::string& id, Labels* labels) {
  auto target = ReadNativeTarget(id, exchange->request.query);
  if (!target.ok()) return AnswerError(exchange, std::move(target.error()));
  labels->model = labels->original_model = target->model;
  labels->is_stream = target->is_stream;
  RelayNative(exchange, id, *target);
}

void Dispatch(Exchange* exchange, const Route& route, Labels* labels) {
  switch (route.operation) {
    case Operation::kChatCompletions:
      return RelayTranslated(exchange, NewOpenAiChat, {}, labels);
    case Operation::kMessages:
      return RelayTranslated(exchange, NewMessages, {}, labels);
    case Operation::kCountTokens:
      return ServeCountTokens(exchange, labels);
    case Operation::kListModels:
      return ServeModelList(exchange);
    case Operation::kGetModel:
      return ServeModel(exchange, route.id, labels);
    case Operation::kNative:
      return ServeNative(exchange, route.id, labels);
    case Operation::kHealth:
    case Operation::kLive:
    case Operation::kReady:
    case Operation::kNotImplemented:
      break;
  }
  AnswerError(exchange, {ApiErrorKind::kInternal, "A route without an operation", "", 0});
}

std::string LoggedIp(const Config& config, const std::string& address) {
  const std::string& how = config.Text(ConfigKey::kPrivacyIp);
  if (how == "none") return "";
  return how == "full" ? CanonicalIp(address) : TruncateIp(address);
}

void FillUsage(const gemini::Usage& usage, store::RequestLogRow* row) {
  if (!usage.present) return;
  row->input_tokens = usage.input();
  row->output_tokens = usage.output();
  row->total_tokens = usage.total;
  row->cached_tokens = usage.cached;
  row->thoughts_tokens = usage.thoughts;
}

std::string Logged(std::string_view text, size_t bytes, const Credentials& credentials) {
  return json::CleanUtf8(CutUtf8(Redact(text, credentials.keys()), bytes));
}

}  // namespace

std::optional<store::RequestLogRow> Relay::Serve(HttpRequest* request, std::optional<ApiError> refusal,
                                                 Capacity capacity, ResponseSink* sink) {
  const Route route = MatchRoute(*request);
  Credentials credentials;
  std::optional<ApiError> error = std::move(refusal);
  if (!error) error = RouteError(route, *request);
  const bool probe = !error && IsProbe(route.operation);
  if (!error && !probe && capacity == Capacity::kLastThread) {
    error = ApiError{ApiErrorKind::kBusy, "All threads of this worker are busy", "", 1};
  }
  // Also for a request that is refused: its keys are wiped, and known to the redaction of what is logged.
  auto taken = TakeCredentials(route.shape, request);
  if (taken.ok()) {
    credentials = std::move(*taken);
  } else if (!error && !probe) {
    error = std::move(taken.error());
  }

  CallersSignatures signatures(hasher_, credentials, signatures_);
  KeyRing keys(&pool_, credentials, request->received_monotonic_us);
  RequestMedia media(media_, clock_, *sink);
  Exchange exchange{.request = *request,
                    .sink = *sink,
                    .config = config_,
                    .clock = clock_,
                    .gemini = gemini_,
                    .aliases = aliases_,
                    .credentials = credentials,
                    .keys = keys,
                    .signatures = signatures,
                    .media = media_.is_on() ? &media : nullptr,
                    .shape = route.shape,
                    .allow = route.allow};
  if (probe) {
    const HealthAnswer answer = Probe(route.operation, &health_);
    AnswerJson(&exchange, answer.status, answer.body);
    return std::nullopt;
  }
  Labels labels;
  if (error) {
    AnswerError(&exchange, std::move(*error));
  } else {
    Dispatch(&exchange, route, &labels);
  }
  SettleCall(&exchange, exchange.error);
  return MakeRow(exchange, route, labels);
}

store::RequestLogRow Relay::MakeRow(const Exchange& exchange, const Route& route, const Labels& labels) const {
  const HttpRequest& request = exchange.request;
  const Credentials& credentials = exchange.credentials;
  store::RequestLogRow row;
  row.id = request.id;
  row.timestamp_unix_s = request.received_unix_ms / 1000;
  row.client_type = route.client_type;
  row.client_ip = LoggedIp(config_, request.remote_addr);
  row.user_agent = Logged(request.Header("user-agent"), kMaxUserAgentBytes, credentials);
  row.referer = Logged(request.Header("referer"), kMaxUserAgentBytes, credentials);
  row.api_key_hash = exchange.keys.key_hash();
  row.model = Logged(labels.model, kMaxModelBytes, credentials);
  row.original_model = Logged(labels.original_model, kMaxModelBytes, credentials);
  row.endpoint = route.endpoint;
  row.method = json::CleanUtf8(CutUtf8(request.method, 32));
  row.response_time_ms = (clock_.MonotonicUs() - request.received_monotonic_us) / 1000;
  row.status_code = exchange.status;
  FillUsage(exchange.usage(), &row);
  row.is_stream = labels.is_stream;
  row.has_error = exchange.error.has_value() || exchange.status >= 400;
  if (exchange.error) {
    row.error_type = ErrorTypeName(exchange.error->kind);
    row.error_message = Logged(exchange.error->message, kMaxErrorBytes, credentials);
  } else if (exchange.status == 499) {
    row.error_type = "client_closed_request";
    row.error_message = "the client left before its answer was complete";
  }
  row.request_size = static_cast<int64_t>(request.body.size());
  row.response_size = exchange.sink.bytes_written();
  if (exchange.first_token_us != 0) {
    row.first_token_ms = (exchange.first_token_us - request.received_monotonic_us) / 1000;
  }
  row.finish_reason = exchange.finish_reason;
  row.attempts = exchange.attempts;
  row.upstream_status = exchange.upstream_status;
  row.quota_id = exchange.quota_id;
  row.key_attempts = exchange.keys.TakeAttempts();
  // The row is about the key that was called last: what was said of others is theirs.
  for (const store::KeyAttempt& attempt : row.key_attempts) {
    if (attempt.called) row.key_rejected = attempt.key_rejected;
  }
  return row;
}

}  // namespace gc
