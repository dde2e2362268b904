// gemini.cc: reads Gemini's answers and errors, with every variant that the API and its front ends are known to send.
// SPDX-License-Identifier: MIT
#include "handler/gemini.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace gc::gemini {
namespace {

bool IsAlnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The value of the four hex digits at `at`; nullopt when they are not.
std::optional<unsigned> Hex4(std::string_view text, size_t at) {
  unsigned value = 0;
  const std::string_view digits = text.substr(std::min(at, text.size()), 4);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4) return std::nullopt;
  return value;
}

bool IsHighSurrogate(unsigned u) { return u >= 0xD800 && u <= 0xDBFF; }
bool IsLowSurrogate(unsigned u) { return u >= 0xDC00 && u <= 0xDFFF; }

// Counts come from outside and are added up: a bound far above any real one keeps sums from overflowing.
int64_t Count(const json::Value& usage, std::string_view name) {
  return std::clamp<int64_t>(usage.IntOr(name, 0), 0, int64_t{1} << 48);
}

Usage ReadUsage(const json::Value& root) {
  Usage usage;
  const json::Value* v = root.Find("usageMetadata");
  if (v == nullptr || !v->IsObject()) return usage;
  usage.present = true;
  usage.prompt = Count(*v, "promptTokenCount");
  usage.cached = Count(*v, "cachedContentTokenCount");
  usage.candidates = Count(*v, "candidatesTokenCount");
  usage.thoughts = Count(*v, "thoughtsTokenCount");
  usage.tool_use_prompt = Count(*v, "toolUsePromptTokenCount");
  usage.total = Count(*v, "totalTokenCount");
  if (usage.total == 0) usage.total = usage.input() + usage.output();
  return usage;
}

// "22s" and "10.684s", rounded up; 0 for anything else.
int64_t Seconds(std::string_view duration) {
  if (!duration.ends_with('s')) return 0;
  duration.remove_suffix(1);
  int64_t whole = 0;
  const char* end = duration.data() + duration.size();
  const auto [rest, error] = std::from_chars(duration.data(), end, whole);
  if (error != std::errc() || whole < 0 || whole > (int64_t{1} << 32)) return 0;
  const bool fraction = std::find_if(rest, end, [](char c) { return c >= '1' && c <= '9'; }) != end;
  return whole + (fraction ? 1 : 0);
}

bool Has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// The number in "projects/123", "project_number:123" or "project 123"; empty when there is none.
std::string_view ProjectIn(std::string_view text) {
  for (const std::string_view mark : {"projects/", "project_number:", "project "}) {
    const size_t at = text.find(mark);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = text.substr(at + mark.size());
    const std::string_view digits = rest.substr(0, rest.find_first_not_of("0123456789"));
    if (digits.size() >= 4) return digits;
  }
  return {};
}

// int64 is a string in proto3's JSON, and a number in other people's.
std::string_view ValueText(const json::Value* value) { return value == nullptr ? std::string_view() : value->Text(); }

void ReadDetail(const json::Value& detail, Failure* out) {
  const std::string_view type = detail.StringOr("@type", "");
  if (type.ends_with("google.rpc.ErrorInfo")) {
    out->reason = detail.StringOr("reason", "");
    if (const json::Value* metadata = detail.Find("metadata")) {
      out->project = ProjectIn(metadata->StringOr("consumer", ""));
    }
  } else if (type.ends_with("google.rpc.RetryInfo")) {
    out->retry_delay_s = Seconds(detail.StringOr("retryDelay", ""));
  } else if (type.ends_with("google.rpc.QuotaFailure")) {
    const json::Value* violations = detail.Find("violations");
    if (violations == nullptr) return;
    for (const json::Value& violation : violations->Items()) {
      const std::string_view value = ValueText(violation.Find("quotaValue"));
      if (value == "0") out->quota_is_zero = true;
      const std::string_view id = violation.StringOr("quotaId", "");
      if (!id.empty()) out->violations.push_back({std::string(id), std::string(value)});
    }
  }
}

int StatusOf(std::string_view status) {
  struct Row {
    std::string_view status;
    int http;
  };
  static constexpr Row kRows[] = {
      {"CANCELLED", 499},          {"INVALID_ARGUMENT", 400}, {"FAILED_PRECONDITION", 400},
      {"OUT_OF_RANGE", 400},       {"UNAUTHENTICATED", 401},  {"PERMISSION_DENIED", 403},
      {"NOT_FOUND", 404},          {"ABORTED", 409},          {"ALREADY_EXISTS", 409},
      {"RESOURCE_EXHAUSTED", 429}, {"UNKNOWN", 500},          {"INTERNAL", 500},
      {"DATA_LOSS", 500},          {"UNIMPLEMENTED", 501},    {"UNAVAILABLE", 503},
      {"DEADLINE_EXCEEDED", 504},
  };
  for (const Row& row : kRows) {
    if (row.status == status) return row.http;
  }
  return 500;
}

}  // namespace

void Usage::Add(const Usage& other) {
  present = present || other.present;
  prompt += other.prompt;
  cached += other.cached;
  candidates += other.candidates;
  thoughts += other.thoughts;
  tool_use_prompt += other.tool_use_prompt;
  total += other.total;
}

bool IsModelName(std::string_view name) {
  return !name.empty() && name.size() <= 128 && IsAlnum(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) { return IsAlnum(c) || c == '.' || c == '_' || c == '-'; });
}

std::string RepairSurrogates(std::string text) {
  for (size_t at = text.find('\\'); at != std::string::npos; at = text.find('\\', at)) {
    if (at + 1 >= text.size() || text[at + 1] != 'u') {
      at += 2;
      continue;
    }
    const unsigned unit = Hex4(text, at + 2).value_or(0);
    const bool next_is_escape = text.compare(std::min(at + 6, text.size()), 2, "\\u") == 0;
    if (IsHighSurrogate(unit) && next_is_escape && IsLowSurrogate(Hex4(text, at + 8).value_or(0))) {
      at += 12;
      continue;
    }
    if (IsHighSurrogate(unit) || IsLowSurrogate(unit)) text.replace(at + 2, 4, "FFFD");
    at += 2;
  }
  return text;
}

Result<Response> ParseResponse(std::string text) {
  text = RepairSurrogates(std::move(text));
  std::string copy = text;  // the parser works in place, and a second try needs the first text
  Result<json::Document> document = json::Document::Parse(std::move(text));
  if (!document.ok()) {
    std::string clean = json::CleanUtf8(copy);
    if (clean == copy) return document.error();
    document = json::Document::Parse(std::move(clean));
    if (!document.ok()) return document.error();
  }
  if (!document->root().IsObject()) return Error{ErrorKind::kInvalid, "not a JSON object"};

  Response response;
  response.document = std::move(*document);
  const json::Value& root = response.root();
  response.usage = ReadUsage(root);
  if (const json::Value* candidates = root.Find("candidates")) {
    for (const json::Value& candidate : candidates->Items()) {
      response.finish_reason = candidate.StringOr("finishReason", "");
      if (!response.finish_reason.empty()) break;
    }
  }
  if (const json::Value* feedback = root.Find("promptFeedback")) {
    response.block_reason = feedback->StringOr("blockReason", "");
  }
  return response;
}

bool ParseFailure(const json::Value& root, int http_status, Failure* out) {
  const json::Value& object = root.Items().empty() ? root : root.Items().front();
  const json::Value* error = object.Find("error");
  if (error == nullptr || (!error->IsObject() && !error->IsString())) return false;
  *out = Failure{};
  out->status = error->StringOr("status", "");
  out->message = error->IsString() ? error->Text() : error->StringOr("message", "");
  if (const json::Value* details = error->Find("details")) {
    for (const json::Value& detail : details->Items()) ReadDetail(detail, out);
  }
  if (out->project.empty()) out->project = ProjectIn(out->message);
  if (Has(out->message, "limit: 0,") || out->message.ends_with("limit: 0")) out->quota_is_zero = true;
  out->http_status = http_status;
  if (http_status < 400) {
    const int64_t code = error->IntOr("code", 0);
    out->http_status = code >= 400 && code <= 599 ? static_cast<int>(code) : StatusOf(out->status);
  }
  return true;
}

Failure ReadFailure(std::string_view body, int http_status) {
  Failure failure;
  failure.http_status = http_status;
  const auto document = json::Document::Parse(RepairSurrogates(json::CleanUtf8(body)));
  if (document.ok()) ParseFailure(document->root(), http_status, &failure);
  return failure;
}

}  // namespace gc::gemini
