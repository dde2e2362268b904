// keys_list.cc: gemini-code-keys list: the keys that need somebody's attention first.
// SPDX-License-Identifier: MIT
#include <sysexits.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/json.h"
#include "jobs/job.h"
#include "jobs/keys.h"
#include "jobs/keys_words.h"
#include "jobs/printable.h"
#include "jobs/session.h"

namespace gc::jobs {
namespace {

constexpr int kBusyTimeoutMs = 5000;

int64_t LastUse(const KeyState& key) { return key.use ? key.use->last_used_s : 0; }

bool GoesFirst(const KeyState& a, const KeyState& b) {
  if (a.condition != b.condition) return a.condition < b.condition;
  if (LastUse(a) != LastUse(b)) return LastUse(a) > LastUse(b);
  return a.hash < b.hash;
}

bool HasQuotaOf(const KeyState& key, const std::string& model) {
  return std::any_of(key.models.begin(), key.models.end(), [&](const ModelQuota& q) { return q.model == model; });
}

// "3 of 10", "3" where no limit is known.
std::string Of(int64_t used, const KnownLimit& limit) {
  return std::to_string(used) + (limit.value ? " of " + std::to_string(*limit.value) : "");
}

std::string AgeText(int64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds / 3600) + " h";
}

std::string SourceText(const ModelQuota& quota, int64_t now_s) {
  const KnownLimit* limits[] = {&quota.minute_requests_limit, &quota.minute_tokens_limit, &quota.day_requests_limit};
  const auto any = [&](bool learned) {
    return std::any_of(std::begin(limits), std::end(limits),
                       [&](const KnownLimit* limit) { return limit->value && limit->is_learned == learned; });
  };
  std::string text;
  if (any(true)) text = "learned " + AgeText(now_s - quota.learned_at_s) + " ago";
  if (any(false)) text += text.empty() ? "configured" : ", others configured";
  return text.empty() ? "unknown" : text;
}

std::string QuotaLine(const ModelQuota& quota, int64_t now_s) {
  std::string line = "    " + Printable(quota.model) + ": ";
  if (quota.rests_until_s > 0) {
    line += quota.reason == kAvoidedReason ? "asked last until " : "rests until ";
    line += TimeText(quota.rests_until_s) + " (" + Printable(ReasonWords(quota.reason)) + "); ";
  }
  line += "this minute " + Of(quota.minute_requests, quota.minute_requests_limit) + " requests, " +
          Of(quota.minute_tokens, quota.minute_tokens_limit) + " input tokens; this day " +
          Of(quota.day_requests, quota.day_requests_limit) + " requests, " + std::to_string(quota.day_tokens) +
          " input tokens; limits " + SourceText(quota, now_s);
  if (quota.failures > 0) line += "; failures in a row: " + std::to_string(quota.failures);
  return line + "\n";
}

std::string KeyLine(const KeysOptions& options, const KeyState& key) {
  const KeyUse use = key.use.value_or(KeyUse{});
  char figures[96];
  snprintf(figures, sizeof figures, "  %8lld  %6lld  %6.0f", static_cast<long long>(use.requests),
           static_cast<long long>(use.failed), use.average_ms);
  char line[160];
  snprintf(line, sizeof line, "%s  %-8s  %-20s  %-20s", HashText(options, key.hash).c_str(),
           ConditionName(key.condition), key.until_s > 0 ? TimeText(key.until_s).c_str() : "-",
           use.last_used_s > 0 ? TimeText(use.last_used_s).c_str() : "never");
  std::string text = line + std::string(key.use ? figures : "         -       -       -");
  if (!key.reason.empty()) text += "  " + Printable(ReasonWords(key.reason));
  return text + "\n";
}

std::string ProjectLine(const KeysOptions& options, const KeyState& key) {
  if (key.subject == key.hash) return {};
  std::string line = "    " + Printable(key.subject) + ", as an error of Google's named it";
  for (const std::string& sibling : key.siblings) {
    line += (&sibling == &key.siblings.front() ? ": shared with " : ", ") + HashText(options, sibling);
  }
  return line + "\n";
}

void PrintText(const KeysOptions& options, const std::vector<KeyState>& keys, size_t all, int64_t now_s,
               Console* console) {
  const size_t width = options.length == HashLength::kFull ? 32 : 8;
  std::string text = "KEY" + std::string(width - 3, ' ') +
                     "  STATE     UNTIL                 LAST USED             REQUESTS  FAILED  AVG MS  WHY\n";
  for (const KeyState& key : keys) {
    text += KeyLine(options, key) + ProjectLine(options, key);
    for (const ModelQuota& quota : key.models) text += QuotaLine(quota, now_s);
  }
  if (keys.size() < all) text += std::to_string(all - keys.size()) + " more\n";
  if (all == 0) text = "no keys\n";
  console->Print(text);
}

void WriteLimit(json::Writer* w, const char* name, int64_t used, const KnownLimit& limit) {
  w->Key(name).BeginObject().Key("used").Int(used).Key("limit");
  if (!limit.value) {
    w->Null().Key("source").String("unknown").EndObject();
  } else {
    w->Int(*limit.value).Key("source").String(limit.is_learned ? "learned" : "configured").EndObject();
  }
}

void WriteQuota(json::Writer* w, const ModelQuota& quota) {
  w->BeginObject().Key("model").String(json::CleanUtf8(quota.model)).Key("rests_until").Int(quota.rests_until_s);
  w->Key("reason").String(json::CleanUtf8(quota.reason)).Key("failures_in_a_row").Int(quota.failures);
  WriteLimit(w, "minute_requests", quota.minute_requests, quota.minute_requests_limit);
  WriteLimit(w, "minute_tokens", quota.minute_tokens, quota.minute_tokens_limit);
  WriteLimit(w, "day_requests", quota.day_requests, quota.day_requests_limit);
  w->Key("day_tokens").BeginObject().Key("used").Int(quota.day_tokens).EndObject();
  w->Key("limits_learned_at").Int(quota.learned_at_s).EndObject();
}

void WriteKey(json::Writer* w, const KeyState& key) {
  w->BeginObject().Key("key_hash").String(json::CleanUtf8(key.hash));
  w->Key("state").String(ConditionName(key.condition)).Key("until").Int(key.until_s);
  w->Key("reason").String(json::CleanUtf8(key.reason)).Key("why").String(json::CleanUtf8(ReasonWords(key.reason)));
  w->Key("subject").String(json::CleanUtf8(key.subject)).Key("shared_with").BeginArray();
  for (const std::string& sibling : key.siblings) w->String(json::CleanUtf8(sibling));
  w->EndArray().Key("use");
  if (key.use) {
    w->BeginObject().Key("requests").Int(key.use->requests).Key("failed").Int(key.use->failed);
    w->Key("average_ms").Double(std::isfinite(key.use->average_ms) ? key.use->average_ms : 0);
    w->Key("last_used").Int(key.use->last_used_s).EndObject();
  } else {
    w->Null();
  }
  w->Key("models").BeginArray();
  for (const ModelQuota& quota : key.models) WriteQuota(w, quota);
  w->EndArray().EndObject();
}

void PrintJson(const std::vector<KeyState>& keys, size_t all, int64_t now_s, Console* console) {
  std::string text;
  json::Writer w(&text);
  w.BeginObject().Key("time").Int(now_s).Key("total").Int(static_cast<int64_t>(all)).Key("keys").BeginArray();
  for (const KeyState& key : keys) WriteKey(&w, key);
  w.EndArray().EndObject();
  console->Print(text);
}

}  // namespace

std::string HashText(const KeysOptions& options, const std::string& hash) {
  return Printable(options.length == HashLength::kFull ? hash : hash.substr(0, 8));
}

int ListKeys(const KeysOptions& options, const Config& config, Clock& clock, Console* console) {
  auto log = OpenSession(options.database_path, store::Database::kMain, SessionMode::kReadOnly, kBusyTimeoutMs);
  if (!log) return console->Fail(log.error());
  auto state = OpenSession(options.state_path, store::Database::kState, SessionMode::kReadOnly, kBusyTimeoutMs);
  if (!state) return console->Fail(state.error());
  if (Status s = CheckQuotaTables(*state); !s.ok()) return console->Fail(s.error());
  const int64_t now_s = clock.UnixS();
  auto keys = ReadKeyStates(*log, *state, config, options.model, now_s);
  if (!keys) return console->Fail(keys.error());
  std::erase_if(*keys, [&](const KeyState& key) {
    if (options.condition && key.condition != *options.condition) return true;
    return !options.model.empty() && !HasQuotaOf(key, options.model);
  });
  std::sort(keys->begin(), keys->end(), GoesFirst);
  const size_t all = keys->size();
  if (options.limit > 0 && keys->size() > static_cast<size_t>(options.limit)) {
    keys->erase(keys->begin() + options.limit, keys->end());
  }
  if (console->json()) {
    PrintJson(*keys, all, now_s, console);
  } else {
    PrintText(options, *keys, all, now_s, console);
  }
  return EX_OK;
}

}  // namespace gc::jobs
