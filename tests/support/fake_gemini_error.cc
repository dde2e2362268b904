// fake_gemini_error.cc: the table of named failures and their JSON.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_error.h"

#include <array>

#include "base/json.h"

namespace gc::test::fake {
namespace {

struct Row {
  std::string_view name;
  int http;
  std::string_view status;
  std::string_view message;
  // One of: an ErrorInfo reason ("info:API_KEY_INVALID"), a quota id ("quota:…|metric|value"), or nothing.
  std::string_view detail;
};

constexpr std::string_view kQuotaText =
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "head over to the rate limit page of the documentation.";

constexpr auto kRows = std::to_array<Row>({
    {"invalid", 400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "info:API_KEY_INVALID"},
    {"expired", 400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", "info:API_KEY_INVALID"},
    {"suspended", 403, "PERMISSION_DENIED", "Permission denied: Consumer 'projects/424242' has been suspended.",
     "info:CONSUMER_SUSPENDED"},
    {"leaked", 403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key.", ""},
    {"disabled", 403, "PERMISSION_DENIED",
     "Generative Language API has not been used in project 424242 before or it is disabled.", "info:SERVICE_DISABLED"},
    {"location", 400, "FAILED_PRECONDITION", "User location is not supported for the API use.", ""},
    {"rpm", 429, "RESOURCE_EXHAUSTED", kQuotaText, "quota:GenerateRequestsPerMinutePerProjectPerModel-FreeTier|10"},
    {"tpm", 429, "RESOURCE_EXHAUSTED", kQuotaText, "quota:GenerateContentInputTokensPerModelPerMinute-FreeTier|250000"},
    {"rpd", 429, "RESOURCE_EXHAUSTED", kQuotaText, "quota:GenerateRequestsPerDayPerProjectPerModel-FreeTier|20"},
    {"zero", 429, "RESOURCE_EXHAUSTED", kQuotaText, "quota:GenerateRequestsPerDayPerProjectPerModel-FreeTier|0"},
    {"nodetail", 429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", ""},
    {"overloaded", 503, "UNAVAILABLE", "The model is overloaded. Please try again later.", ""},
    {"internal", 500, "INTERNAL", "An internal error has occurred. Please retry or report it.", ""},
    {"deadline", 504, "DEADLINE_EXCEEDED", "The request timed out. Please try again.", ""},
    {"context", 400, "INVALID_ARGUMENT",
     "The input token count (2097153) exceeds the maximum number of tokens allowed (1048576).", ""},
    {"payload", 400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 104857600 bytes.", ""},
    {"states", 400, "INVALID_ARGUMENT",
     "The specified schema produces a constraint that has too many states for serving.", ""},
    {"depth", 400, "INVALID_ARGUMENT", "A schema in the request exceeds the maximum allowed nesting depth.", ""},
    {"signature", 400, "INVALID_ARGUMENT", "Corrupted thought signature.", ""},
    {"thinking", 400, "INVALID_ARGUMENT", "Thinking level is not supported for this model.", ""},
    {"retired", 404, "NOT_FOUND", "This model is no longer available to new users. Please use a newer model.", ""},
});

// Every quota answer carries a RetryInfo, also the daily ones: who trusts it is meant to be caught.
constexpr std::string_view kRetryDelay = "22s";

void WriteQuota(json::Writer* w, std::string_view id_and_value, std::string_view model) {
  const size_t bar = id_and_value.find('|');
  const std::string_view id = id_and_value.substr(0, bar);
  const bool tokens = id.find("Tokens") != std::string_view::npos;
  w->BeginObject().Key("@type").String("type.googleapis.com/google.rpc.QuotaFailure").Key("violations").BeginArray();
  w->BeginObject().Key("quotaMetric");
  w->String(tokens ? "generativelanguage.googleapis.com/generate_content_free_tier_input_token_count"
                   : "generativelanguage.googleapis.com/generate_content_free_tier_requests");
  w->Key("quotaId").String(id).Key("quotaDimensions").BeginObject();
  w->Key("location").String("global").Key("model").String(model).EndObject();
  w->Key("quotaValue").String(id_and_value.substr(bar + 1)).EndObject().EndArray().EndObject();
  w->BeginObject().Key("@type").String("type.googleapis.com/google.rpc.RetryInfo");
  w->Key("retryDelay").String(kRetryDelay).EndObject();
}

void WriteErrorInfo(json::Writer* w, std::string_view reason) {
  w->BeginObject().Key("@type").String("type.googleapis.com/google.rpc.ErrorInfo").Key("reason").String(reason);
  w->Key("domain").String("googleapis.com").Key("metadata").BeginObject();
  w->Key("service").String("generativelanguage.googleapis.com").EndObject().EndObject();
}

std::string Details(std::string_view detail, std::string_view model) {
  if (detail.empty()) return {};
  std::string out;
  json::Writer w(&out);
  w.BeginArray();
  const size_t colon = detail.find(':');
  if (detail.starts_with("info:")) WriteErrorInfo(&w, detail.substr(colon + 1));
  if (detail.starts_with("quota:")) WriteQuota(&w, detail.substr(colon + 1), model);
  w.EndArray();
  return out;
}

std::string_view StatusName(int http) {
  switch (http) {
    case 400:
      return "INVALID_ARGUMENT";
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "PERMISSION_DENIED";
    case 404:
      return "NOT_FOUND";
    case 409:
      return "ABORTED";
    case 429:
      return "RESOURCE_EXHAUSTED";
    case 499:
      return "CANCELLED";
    case 501:
      return "UNIMPLEMENTED";
    case 503:
      return "UNAVAILABLE";
    case 504:
      return "DEADLINE_EXCEEDED";
    default:
      return http < 500 ? "FAILED_PRECONDITION" : "INTERNAL";
  }
}

}  // namespace

Failure InvalidArgument(std::string message) { return {400, "INVALID_ARGUMENT", std::move(message), {}}; }

Failure NotFound(std::string message) { return {404, "NOT_FOUND", std::move(message), {}}; }

Failure BadRequest(const std::vector<Violation>& violations) {
  Failure failure = InvalidArgument({});
  json::Writer w(&failure.details);
  w.BeginArray().BeginObject().Key("@type").String("type.googleapis.com/google.rpc.BadRequest");
  w.Key("fieldViolations").BeginArray();
  for (const Violation& v : violations) {
    if (!failure.message.empty()) failure.message += '\n';
    failure.message += v.description;
    w.BeginObject();
    if (!v.field.empty()) w.Key("field").String(v.field);
    w.Key("description").String(v.description).EndObject();
  }
  w.EndArray().EndObject().EndArray();
  return failure;
}

Failure ByHttpStatus(int http) {
  for (const Row& row : kRows) {
    if (row.http == http && row.http >= 500) return {http, std::string(row.status), std::string(row.message), {}};
  }
  return {http, std::string(StatusName(http)), "Scripted failure " + std::to_string(http) + ".", {}};
}

std::optional<Failure> Named(std::string_view name, std::string_view model) {
  for (const Row& row : kRows) {
    if (row.name != name) continue;
    Failure failure{row.http, std::string(row.status), std::string(row.message), Details(row.detail, model)};
    if (row.detail.starts_with("quota:")) {
      const std::string limit(row.detail.substr(row.detail.find('|') + 1));
      failure.message += "\n* Quota exceeded for metric: generate_content_free_tier, limit: " + limit +
                         ", model: " + std::string(model) + "\nPlease retry in " + std::string(kRetryDelay) + ".";
    }
    return failure;
  }
  return std::nullopt;
}

std::optional<std::string_view> NameInKey(std::string_view key) {
  for (const Row& row : kRows) {
    const size_t at = key.find("-" + std::string(row.name));
    if (at == std::string_view::npos) continue;
    const size_t end = at + 1 + row.name.size();
    if (end == key.size() || key[end] == '-') return row.name;
  }
  return std::nullopt;
}

std::string CompactBody(const Failure& failure) {
  std::string out;
  json::Writer w(&out);
  w.BeginObject().Key("error").BeginObject().Key("code").Int(failure.http).Key("message").String(failure.message);
  w.Key("status").String(failure.status);
  if (!failure.details.empty()) w.Key("details").Raw(failure.details);
  w.EndObject().EndObject();
  return out;
}

std::string Body(const Failure& failure) {
  std::string message;
  json::Writer(&message).String(failure.message);
  std::string out = "{\n  \"error\": {\n    \"code\": " + std::to_string(failure.http) +
                    ",\n    \"message\": " + message + ",\n    \"status\": \"" + failure.status + "\"";
  if (!failure.details.empty()) out += ",\n    \"details\": " + failure.details;
  return out + "\n  }\n}\n";
}

}  // namespace gc::test::fake
