// keys_explain.cc: gemini-code-keys explain: the way of one request through its keys.
// SPDX-License-Identifier: MIT
#include <Poco/Data/Statement.h>
#include <Poco/Nullable.h>
#include <sysexits.h>

#include <algorithm>

#include "base/json.h"
#include "jobs/job.h"
#include "jobs/keys.h"
#include "jobs/keys_words.h"
#include "jobs/printable.h"
#include "jobs/session.h"

namespace gc::jobs {
namespace {

using Poco::Data::Keywords::into;
using Poco::Data::Keywords::now;
using Poco::Data::Keywords::use;

constexpr int kBusyTimeoutMs = 5000;
constexpr size_t kLeastPrefix = 8;

using MaybeNumber = Poco::Nullable<Poco::Int64>;
using MaybeText = Poco::Nullable<std::string>;

struct LoggedRequest {
  std::string id;
  Poco::Int64 arrived_s = 0;
  std::string client;
  std::string key_hash;
  std::string model;
  MaybeText original_model;
  std::string endpoint;
  Poco::Int64 took_ms = 0;
  Poco::Int64 status = 0;
  MaybeNumber first_token_ms;
  MaybeNumber input_tokens;
  MaybeNumber cached_tokens;
  MaybeNumber output_tokens;
  MaybeNumber thoughts_tokens;
  MaybeText finish_reason;
  MaybeText error_type;
  MaybeText error_message;
  MaybeNumber calls;
};

struct Attempt {
  std::string key_hash;
  bool called = false;
  std::string reason;
  int64_t status = 0;
  int64_t start_ms = 0;
  int64_t duration_ms = 0;
  int64_t rests_until_s = 0;
};

bool IsIdPrefix(const std::string& text) {
  return text.size() >= kLeastPrefix && text.size() <= 36 &&
         text.find_first_not_of("0123456789abcdef-") == std::string::npos;
}

// The first two that begin so.
std::vector<std::string> FindIds(Poco::Data::Session& log, std::string prefix) {
  std::vector<std::string> ids;
  std::string end = prefix + "~";  // beyond every character of an id
  log << "SELECT id FROM request_logs WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 2", use(prefix), use(end), into(ids),
      now;
  return ids;
}

LoggedRequest ReadRequest(Poco::Data::Session& log, std::string id) {
  LoggedRequest r;
  log << "SELECT id, timestamp, client_type, api_key_hash, model, original_model, endpoint, response_time, status_code,"
         " first_token_ms, input_tokens, cached_tokens, output_tokens, thoughts_tokens, finish_reason, error_type,"
         " error_message, attempts FROM request_logs WHERE id = ?",
      use(id), into(r.id), into(r.arrived_s), into(r.client), into(r.key_hash), into(r.model), into(r.original_model),
      into(r.endpoint), into(r.took_ms), into(r.status), into(r.first_token_ms), into(r.input_tokens),
      into(r.cached_tokens), into(r.output_tokens), into(r.thoughts_tokens), into(r.finish_reason), into(r.error_type),
      into(r.error_message), into(r.calls), now;
  return r;
}

// The plain case, one call and no key passed over, stands in the row alone.
std::vector<Attempt> FromRow(const LoggedRequest& request) {
  if (request.calls.value(0) < 1) return {};
  Attempt attempt;
  attempt.key_hash = request.key_hash;
  attempt.called = true;
  attempt.reason = request.error_type.value("");
  attempt.duration_ms = request.took_ms;
  return {attempt};
}

std::vector<Attempt> ReadAttempts(Poco::Data::Session& log, const LoggedRequest& request) {
  int tables = 0;
  log << "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'key_attempts'", into(tables), now;
  if (tables == 0) return FromRow(request);  // the schema before
  std::string id = request.id;
  std::vector<std::string> hashes;
  std::vector<std::string> reasons;
  std::vector<int> called;
  std::vector<Poco::Int64> status;
  std::vector<Poco::Int64> start_ms;
  std::vector<Poco::Int64> duration_ms;
  std::vector<Poco::Int64> rests_until;
  log << "SELECT key_hash, called, coalesce(reason, ''), coalesce(status_code, 0), start_ms, duration_ms,"
         " coalesce(rests_until, 0) FROM key_attempts WHERE request_id = ? ORDER BY step",
      use(id), into(hashes), into(called), into(reasons), into(status), into(start_ms), into(duration_ms),
      into(rests_until), now;
  if (hashes.empty()) return FromRow(request);
  std::vector<Attempt> attempts;
  for (size_t i = 0; i < hashes.size(); ++i) {
    attempts.push_back({hashes[i], called[i] != 0, reasons[i], status[i], start_ms[i], duration_ms[i], rests_until[i]});
  }
  return attempts;
}

std::string TokensText(const LoggedRequest& r) {
  if (r.input_tokens.isNull() && r.output_tokens.isNull()) return "no token counts";
  std::string text = std::to_string(r.input_tokens.value(0)) + " input tokens";
  if (r.cached_tokens.value(0) > 0) text += " (" + std::to_string(r.cached_tokens.value()) + " cached)";
  text += ", " + std::to_string(r.output_tokens.value(0)) + " output tokens";
  if (r.thoughts_tokens.value(0) > 0) text += " (" + std::to_string(r.thoughts_tokens.value()) + " thoughts)";
  return text;
}

std::string RequestText(const LoggedRequest& r) {
  std::string text = "request " + r.id + " of " + TimeText(r.arrived_s) + ": status " + std::to_string(r.status) + "\n";
  text += "  " + Printable(r.client) + " client, " + Printable(r.endpoint) + ", model " +
          (r.model.empty() ? "-" : Printable(r.model));
  const std::string original = r.original_model.value("");
  if (!original.empty() && original != r.model) text += " (asked for as " + Printable(original) + ")";
  text += "\n  " + std::to_string(r.took_ms) + " ms";
  if (!r.first_token_ms.isNull())
    text += ", the answer began after " + std::to_string(r.first_token_ms.value()) + " ms";
  text += "; " + TokensText(r);
  if (!r.finish_reason.isNull()) text += "; finish reason " + Printable(r.finish_reason.value());
  text += "\n";
  if (r.error_type.isNull()) return text;
  text += "  error: " + Printable(ReasonWords(r.error_type.value())) + " (" + Printable(r.error_type.value()) + ")\n";
  if (!r.error_message.isNull()) text += "  message: " + Printable(r.error_message.value()) + "\n";
  return text;
}

std::string AttemptText(const KeysOptions& options, const Attempt& attempt, size_t step) {
  std::string text = "  " + std::to_string(step) + ". at " + std::to_string(attempt.start_ms) + " ms, key " +
                     HashText(options, attempt.key_hash) + ": ";
  if (attempt.called) {
    text += "called for " + std::to_string(attempt.duration_ms) + " ms";
    if (attempt.status != 0) text += ", status " + std::to_string(attempt.status);
    text += attempt.reason.empty() ? ", answered" : ": " + Printable(ReasonWords(attempt.reason));
  } else {
    text += "passed over: " + Printable(ReasonWords(attempt.reason));
  }
  if (attempt.rests_until_s > 0) {
    text += attempt.reason == kAvoidedReason ? "; asked last until " : "; rests until ";
    text += TimeText(attempt.rests_until_s);
  }
  return text + "\n";
}

void PrintText(const KeysOptions& options, const LoggedRequest& request, const std::vector<Attempt>& attempts,
               Console* console) {
  std::string text = RequestText(request);
  if (attempts.empty()) text += "  no key was called\n";
  for (size_t i = 0; i < attempts.size(); ++i) text += AttemptText(options, attempts[i], i + 1);
  console->Print(text);
}

void WriteNumber(json::Writer* w, const char* name, const MaybeNumber& value) {
  w->Key(name);
  value.isNull() ? w->Null() : w->Int(value.value());
}

void WriteText(json::Writer* w, const char* name, const MaybeText& value) {
  w->Key(name);
  value.isNull() ? w->Null() : w->String(json::CleanUtf8(value.value()));
}

void PrintJson(const LoggedRequest& r, const std::vector<Attempt>& attempts, Console* console) {
  std::string text;
  json::Writer w(&text);
  w.BeginObject().Key("id").String(r.id).Key("timestamp").Int(r.arrived_s).Key("status_code").Int(r.status);
  w.Key("client_type").String(json::CleanUtf8(r.client)).Key("endpoint").String(json::CleanUtf8(r.endpoint));
  w.Key("model").String(json::CleanUtf8(r.model));
  WriteText(&w, "original_model", r.original_model);
  w.Key("response_time").Int(r.took_ms);
  WriteNumber(&w, "first_token_ms", r.first_token_ms);
  WriteNumber(&w, "input_tokens", r.input_tokens);
  WriteNumber(&w, "cached_tokens", r.cached_tokens);
  WriteNumber(&w, "output_tokens", r.output_tokens);
  WriteNumber(&w, "thoughts_tokens", r.thoughts_tokens);
  WriteText(&w, "finish_reason", r.finish_reason);
  WriteText(&w, "error_type", r.error_type);
  WriteText(&w, "error_message", r.error_message);
  w.Key("attempts").BeginArray();
  for (const Attempt& a : attempts) {
    w.BeginObject().Key("key_hash").String(json::CleanUtf8(a.key_hash)).Key("called").Bool(a.called);
    w.Key("reason").String(json::CleanUtf8(a.reason)).Key("why").String(json::CleanUtf8(ReasonWords(a.reason)));
    w.Key("status_code").Int(a.status).Key("start_ms").Int(a.start_ms).Key("duration_ms").Int(a.duration_ms);
    w.Key("rests_until").Int(a.rests_until_s).EndObject();
  }
  w.EndArray().EndObject();
  console->Print(text);
}

}  // namespace

int ExplainRequest(const KeysOptions& options, const std::string& id, Console* console) {
  if (!IsIdPrefix(id)) {
    return console->Fail(EX_USAGE, "'" + Printable(id) + "' is no request id, nor at least 8 characters of one");
  }
  auto log = OpenSession(options.database_path, store::Database::kMain, SessionMode::kReadOnly, kBusyTimeoutMs);
  if (!log) return console->Fail(log.error());
  std::vector<std::string> ids;
  LoggedRequest request;
  std::vector<Attempt> attempts;
  const Status read = Try(*log, [&] {
    ids = FindIds(*log, id);
    if (ids.size() != 1) return;
    request = ReadRequest(*log, ids.front());
    attempts = ReadAttempts(*log, request);
  });
  if (!read.ok()) return console->Fail(read.error());
  if (ids.empty()) return console->Fail(EX_NOINPUT, "no request has an id that begins with " + id);
  if (ids.size() > 1) return console->Fail(EX_USAGE, "several requests have an id that begins with " + id);
  if (console->json()) {
    PrintJson(request, attempts, console);
  } else {
    PrintText(options, request, attempts, console);
  }
  return EX_OK;
}

}  // namespace gc::jobs
