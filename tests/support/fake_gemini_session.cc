// fake_gemini_session.cc: the order of judgement: path, key, query, JSON, fields, quota, model, rules, script.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_session.h"

#include <algorithm>
#include <charconv>

#include "support/fake_gemini_answer.h"
#include "support/fake_gemini_control.h"
#include "support/fake_gemini_fields.h"
#include "support/fake_gemini_rules.h"

namespace gc::test::fake {
namespace {

constexpr size_t kMaxRecordedBytes = 1 << 20;
constexpr std::string_view kJsonType = "application/json; charset=UTF-8";
constexpr std::string_view kNoKey =
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API.";
constexpr std::string_view kQueryNames[] = {"key", "alt", "$alt", "prettyPrint", "pageSize", "pageToken"};
// What Google's front end refuses for the key alone, whatever is asked.
constexpr std::string_view kKeyFailures[] = {"invalid", "expired", "suspended", "leaked", "disabled"};

std::string BearerOf(const HttpRequest& request) {
  const std::string_view value = request.Header("authorization");
  return value.starts_with("Bearer ") ? std::string(value.substr(7)) : std::string();
}

std::string KeyOf(const HttpRequest& request) {
  const std::string_view header = request.Header("x-goog-api-key");
  return header.empty() ? request.Query("key").value_or("") : std::string(header);
}

std::string KeyPlace(const HttpRequest& request) {
  const bool in_header = !request.Header("x-goog-api-key").empty();
  const bool in_query = request.Query("key").has_value();
  if (in_header || in_query) return in_header && in_query ? "both" : in_header ? "header" : "query";
  return BearerOf(request).empty() ? "none" : "bearer";
}

std::string WithoutKey(const HttpRequest& request) {
  std::string out;
  for (const auto& [name, value] : ParseQuery(request.query)) {
    out += (out.empty() ? "" : "&") + name + "=" + (name == "key" ? "*" : value);
  }
  return out;
}

bool IsKeyFailure(std::string_view name) {
  return std::find(std::begin(kKeyFailures), std::end(kKeyFailures), name) != std::end(kKeyFailures);
}

std::optional<Failure> CheckKey(const HttpRequest& request, std::string_view key) {
  if (key.empty()) {
    if (BearerOf(request).empty()) return Failure{403, "PERMISSION_DENIED", std::string(kNoKey), {}};
    return Failure{401,
                   "UNAUTHENTICATED",
                   "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
                   "other valid authentication credential.",
                   {}};
  }
  if (!key.starts_with("AIza") && !key.starts_with("test-key")) return Named("invalid", {});
  const auto name = NameInKey(key);
  return name && IsKeyFailure(*name) ? Named(*name, {}) : std::nullopt;
}

std::optional<Failure> CheckQuery(const HttpRequest& request) {
  for (const auto& [name, value] : ParseQuery(request.query)) {
    if (std::find(std::begin(kQueryNames), std::end(kQueryNames), name) != std::end(kQueryNames)) continue;
    return BadRequest(
        {{"", "Invalid JSON payload received. Unknown name \"" + name + "\": Cannot bind query parameter. Field '" +
                  name + "' could not be found in request message."}});
  }
  return std::nullopt;
}

struct Method {
  std::string_view name;
  BodyKind body;
  Use use;
};

constexpr Method kMethods[] = {
    {"generateContent", BodyKind::kGenerateContent, Use::kChat},
    {"streamGenerateContent", BodyKind::kGenerateContent, Use::kChat},
    {"countTokens", BodyKind::kCountTokens, Use::kChat},
    {"embedContent", BodyKind::kEmbedContent, Use::kEmbedding},
    {"batchEmbedContents", BodyKind::kBatchEmbedContents, Use::kEmbedding},
};

const Method* FindMethod(std::string_view name) {
  for (const Method& method : kMethods) {
    if (method.name == name) return &method;
  }
  return nullptr;
}

Failure NoSuchModel(std::string_view id, std::string_view method) {
  return NotFound("models/" + std::string(id) + " is not found for API version v1beta, or is not supported for " +
                  std::string(method) +
                  ". Call ListModels to see the list of available models and their supported "
                  "methods.");
}

std::optional<Failure> CheckRules(const Method& method, const Model& model, const json::Value& root) {
  switch (method.body) {
    case BodyKind::kGenerateContent:
      return CheckRequest(model, root);
    case BodyKind::kCountTokens:
      return CheckCountTokens(model, root);
    case BodyKind::kEmbedContent:
      return CheckEmbed(model, root);
    case BodyKind::kBatchEmbedContents:
      return CheckBatchEmbed(model, root);
  }
  return std::nullopt;
}

// Everything that is known once the body is read: nullopt when the request is good.
std::optional<Failure> Judge(const HttpRequest& request, const Method& method, std::string_view id,
                             std::string_view key, const Result<json::Document>& document) {
  if (!request.Header("content-type").starts_with("application/json")) {
    return InvalidArgument("Invalid content type: expected application/json.");
  }
  if (!document.ok()) {
    return InvalidArgument("Invalid JSON payload received. Unexpected token.\n" + document.error().message);
  }
  const json::Value& root = document->root();
  if (const auto violations = CheckFields(method.body, root); !violations.empty()) return BadRequest(violations);
  if (const auto name = NameInKey(key)) return Named(*name, id);
  const Model* model = FindModel(id);
  // countTokens is for every model.
  if (model == nullptr || (model->use != method.use && method.body != BodyKind::kCountTokens)) {
    return NoSuchModel(id, method.name);
  }
  return CheckRules(method, *model, root);
}

int64_t NumberOr(const std::optional<std::string>& text, int64_t fallback) {
  int64_t value = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc()) return fallback;
  return value;
}

std::string ModelList(const HttpRequest& request) {
  const auto models = Models();
  const auto size = static_cast<size_t>(std::clamp<int64_t>(NumberOr(request.Query("pageSize"), 50), 1, 1000));
  const auto begin = static_cast<size_t>(std::max<int64_t>(0, NumberOr(request.Query("pageToken"), 0)));
  std::string out;
  json::Writer w(&out);
  w.BeginObject().Key("models").BeginArray();
  for (size_t i = begin; i < std::min(models.size(), begin + size); ++i) w.Raw(ModelJson(models[i]));
  w.EndArray();
  if (begin + size < models.size()) w.Key("nextPageToken").String(std::to_string(begin + size));
  w.EndObject();
  return out;
}

}  // namespace

Session::Session(State* state, Connection* connection, int64_t number)
    : state_(state), connection_(connection), number_(number) {}

void Session::Run() {
  state_->journal.Add(number_, 0, {}, "accepted");
  HttpRequest request;
  for (;;) {
    const Connection::Got got = connection_->ReadRequest(&request);
    if (got == Connection::Got::kMalformed) {
      state_->journal.Add(number_, 0, {}, "malformed");
      connection_->Send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    if (got != Connection::Got::kRequest || !Serve(request) || request.Header("connection") == "close") break;
  }
  state_->journal.Add(number_, 0, {}, "closed");
}

bool Session::Reply(int status, std::string content_type, std::string body) {
  const Script plain;
  return MakePlayer(plain).PlayBody(status, {{"Content-Type", std::move(content_type)}}, std::move(body));
}

bool Session::Refuse(const Failure& failure, Form form) {
  const Script plain;
  return MakePlayer(plain).PlayFailure(failure, form);
}

Player Session::MakePlayer(const Script& script) const {
  return {connection_, &state_->journal, &state_->doors, {number_, request_}, script, key_, takes_gzip_};
}

bool Session::Serve(const HttpRequest& request) {
  if (request.path.starts_with("/__fake/")) {
    const ControlReply reply = ServeControl(state_, request);
    const std::string head =
        "HTTP/1.1 " + std::to_string(reply.status) +
        " Control\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(reply.body.size()) +
        "\r\n\r\n";
    return connection_->Send(head + reply.body);
  }
  Record(request);
  if (request.path.starts_with("/v1beta/")) return ServeApi(request);
  return Reply(404, "text/html; charset=UTF-8",
               "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)</title>\n<p>The requested URL was not "
               "found on this server.</html>\n");
}

void Session::Record(const HttpRequest& request) {
  key_ = KeyOf(request);
  const std::string credential = key_.empty() ? BearerOf(request) : key_;
  takes_gzip_ = request.Header("accept-encoding").find("gzip") != std::string_view::npos;
  fake::Record record;
  record.connection = number_;
  record.method = request.method;
  record.path = request.path;
  record.query = WithoutKey(request);
  for (const auto& [name, value] : request.headers) record.header_names.push_back(name);
  record.content_type = request.Header("content-type");
  record.key_in = KeyPlace(request);
  record.key_last4 = credential.size() < 8 ? "" : credential.substr(credential.size() - 4);
  record.body = json::CleanUtf8(std::string_view(request.body).substr(0, kMaxRecordedBytes));
  record.body_bytes = request.body.size();
  request_ = state_->journal.AddRequest(std::move(record), credential);
}

bool Session::ServeApi(const HttpRequest& request) {
  const std::string_view resource = std::string_view(request.path).substr(8);
  const auto refused = CheckKey(request, key_);
  if (request.method == "POST") {
    if (refused) {
      const bool is_array = resource.ends_with(":streamGenerateContent") && request.Query("alt") != "sse";
      state_->journal.Add(number_, request_, {}, "request", 0, request.path);
      return Refuse(*refused, is_array ? Form::kArray : Form::kUnary);
    }
    return ServePost(request, resource);
  }
  state_->journal.Add(number_, request_, {}, "request", 0, request.path);
  if (refused) return Refuse(*refused);
  if (request.method != "GET") return Refuse(NotFound("Method not found."));
  return ServeGet(request, resource);
}

bool Session::ServeGet(const HttpRequest& request, std::string_view resource) {
  if (const auto failure = CheckQuery(request)) return Refuse(*failure);
  if (const auto canned = state_->director.TakeCanned(request.path, key_)) return PlayCanned(*canned);
  const auto script = state_->director.ScriptFor({}, key_);
  Player player = MakePlayer(*script);
  if (const auto failure = ScriptedFailure(*script, {})) return player.PlayFailure(*failure, Form::kUnary);
  const Headers headers = {{"Content-Type", std::string(kJsonType)}};
  if (resource == "models") return player.PlayBody(200, headers, ModelList(request));
  if (resource == "files" || resource == "cachedContents") return player.PlayBody(200, headers, "{}");
  if (!resource.starts_with("models/"))
    return player.PlayFailure(NotFound("Requested entity was not found."), Form::kUnary);
  const std::string_view id = resource.substr(7);
  const Model* model = FindModel(id);
  if (model == nullptr) return player.PlayFailure(NoSuchModel(id, "generateContent"), Form::kUnary);
  return player.PlayBody(200, headers, ModelJson(*model));
}

bool Session::ServePost(const HttpRequest& request, std::string_view resource) {
  const size_t colon = resource.rfind(':');
  const Method* method = colon == std::string_view::npos || !resource.starts_with("models/")
                             ? nullptr
                             : FindMethod(resource.substr(colon + 1));
  if (method == nullptr) {
    state_->journal.Add(number_, request_, {}, "request", 0, request.path);
    return Refuse(NotFound("Requested entity was not found."));
  }
  const bool is_stream = method->name == "streamGenerateContent";
  const Form form = !is_stream ? Form::kUnary : request.Query("alt") == "sse" ? Form::kSse : Form::kArray;
  const std::string_view id = resource.substr(7, colon - 7);
  const auto document = json::Document::Parse(request.body);
  const bool is_chat = method->body == BodyKind::kGenerateContent;
  const auto script = state_->director.ScriptFor(is_chat && document.ok() ? LastUserText(document->root())
                                                 : document.ok()          ? request.body
                                                                          : "",
                                                 key_);
  state_->journal.Add(number_, request_, script.ok() ? script->tag : "", "request", 0, request.path);
  if (const auto failure = CheckQuery(request)) return Refuse(*failure, form);
  if (const auto failure = Judge(request, *method, id, key_, document)) return Refuse(*failure, form);
  if (!script.ok()) return Refuse(InvalidArgument(script.error().message), form);
  if (const auto canned = state_->director.TakeCanned(request.path, key_)) return PlayCanned(*canned);
  Player player = MakePlayer(*script);
  if (const auto failure = ScriptedFailure(*script, id)) return player.PlayFailure(*failure, form);
  const json::Value& root = document->root();
  if (is_chat) return ServeGenerate(*FindModel(id), root, *script, form);
  std::string body = method->body == BodyKind::kCountTokens    ? CountTokensAnswer(root)
                     : method->body == BodyKind::kEmbedContent ? EmbedAnswer(root)
                                                               : BatchEmbedAnswer(root);
  return player.PlayBody(200, {{"Content-Type", std::string(kJsonType)}}, std::move(body));
}

bool Session::ServeGenerate(const Model& model, const json::Value& root, const Script& script, Form form) {
  Player player = MakePlayer(script);
  const Answer answer(model, root, script);
  const Headers headers = {{"Content-Type", form == Form::kSse ? "text/event-stream" : std::string(kJsonType)},
                           {"X-Gemini-Service-Tier", "standard"}};
  if (form == Form::kUnary) return player.PlayBody(200, headers, answer.Unary());
  return player.PlayFrames(200, headers, form, answer.frame_count(), [&](int64_t k) { return answer.Frame(k); });
}

bool Session::PlayCanned(const Canned& canned) {
  Player player = MakePlayer(canned.script);
  if (!canned.is_stream) return player.PlayBody(canned.status, canned.headers, canned.body);
  return player.PlayFrames(canned.status, canned.headers, Form::kRaw, static_cast<int64_t>(canned.chunks.size()),
                           [&](int64_t k) { return canned.chunks[static_cast<size_t>(k - 1)]; });
}

}  // namespace gc::test::fake
