// keys_state.cc: reads both databases and puts together what belongs to one key.
// SPDX-License-Identifier: MIT
#include "jobs/keys_state.h"

#include <Poco/Data/Statement.h>
#include <Poco/Nullable.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/config_patterns.h"
#include "jobs/keys_words.h"
#include "jobs/session.h"
#include "store/quota.h"

namespace gc::jobs {
namespace {

using Poco::Data::Keywords::into;
using Poco::Data::Keywords::now;
using Poco::Data::Keywords::use;

using Texts = std::vector<std::string>;
using Numbers = std::vector<Poco::Int64>;
using MaybeNumbers = std::vector<Poco::Nullable<Poco::Int64>>;

constexpr std::string_view kProjectPrefix = "project/";

std::optional<int64_t> Optional(const Poco::Nullable<Poco::Int64>& value) {
  return value.isNull() ? std::nullopt : std::optional<int64_t>(value.value());
}

void ReadUse(Poco::Data::Session& log, std::map<std::string, KeyState>* keys) {
  Texts hashes;
  Numbers requests;
  Numbers failed;
  Numbers last_used;
  std::vector<double> average_ms;
  log << "SELECT key_hash, total_requests, failed_requests, average_response_time, coalesce(last_used, 0)"
         " FROM api_key_metrics WHERE key_hash <> ''",
      into(hashes), into(requests), into(failed), into(average_ms), into(last_used), now;
  for (size_t i = 0; i < hashes.size(); ++i) {
    (*keys)[hashes[i]].use = KeyUse{requests[i], failed[i], average_ms[i], last_used[i]};
  }
}

void ReadRefusals(Poco::Data::Session& state, int64_t now_s, std::map<std::string, KeyState>* keys) {
  Texts hashes;
  Texts subjects;
  Texts reasons;
  Numbers until;
  state << "SELECT key_hash, subject, disabled_until, reason FROM keys", into(hashes), into(subjects), into(until),
      into(reasons), now;
  for (size_t i = 0; i < hashes.size(); ++i) {
    KeyState& key = (*keys)[hashes[i]];
    key.subject = subjects[i];
    if (until[i] <= now_s) continue;
    key.condition = KeyCondition::kDisabled;
    key.until_s = until[i];
    key.reason = reasons[i];
  }
}

// What the gateway keeps to: what Google named not too long ago, else what is configured.
void SetLimits(const Config& config, const QuotaRow& learned, int64_t learned_at_s, int64_t now_s, ModelQuota* quota) {
  const std::string_view row = config.Patterns(ConfigTable::kQuotaLimits).ValueFor(quota->model);
  const QuotaRow configured = row.empty() ? QuotaRow{} : ReadLimits(row).value_or(QuotaRow{});
  const bool counts = learned_at_s + config.Int(ConfigKey::kQuotaLearnedTtlS) > now_s;
  const auto known = [&](const std::optional<int64_t>& google, const std::optional<int64_t>& ours) {
    return counts && google ? KnownLimit{google, true} : KnownLimit{ours, false};
  };
  quota->minute_requests_limit = known(learned.rpm, configured.rpm);
  quota->minute_tokens_limit = known(learned.tpm, configured.tpm);
  quota->day_requests_limit = known(learned.rpd, configured.rpd);
  quota->learned_at_s = counts && (learned.rpm || learned.tpm || learned.rpd) ? learned_at_s : 0;
}

// By subject.
std::map<std::string, std::vector<ModelQuota>> ReadQuota(Poco::Data::Session& state, const Config& config,
                                                         const std::string& model, int64_t now_s) {
  Texts subjects;
  Texts models;
  Texts reasons;
  Numbers cool_until;
  Numbers failures;
  Numbers limits_at;
  MaybeNumbers rpm;
  MaybeNumbers tpm;
  MaybeNumbers rpd;
  Numbers minute_requests;
  Numbers minute_tokens;
  Numbers day_requests;
  Numbers day_tokens;
  const store::QuotaWindows windows = store::WindowsAt(now_s);
  Poco::Int64 minute = windows.minute;
  Poco::Int64 day = windows.day;
  // A window that is one ahead is the current one, by the clock of whoever wrote it.
  state << "SELECT subject, model, cool_until, reason, failures, limits_at, minute_requests_limit,"
           " minute_tokens_limit, day_requests_limit,"
           " CASE WHEN minute BETWEEN ?1 AND ?1 + 1 THEN minute_requests ELSE 0 END,"
           " CASE WHEN minute BETWEEN ?1 AND ?1 + 1 THEN minute_tokens ELSE 0 END,"
           " CASE WHEN day BETWEEN ?2 AND ?2 + 1 THEN day_requests ELSE 0 END,"
           " CASE WHEN day BETWEEN ?2 AND ?2 + 1 THEN day_tokens ELSE 0 END"
           " FROM quota ORDER BY subject, model",
      use(minute), use(day), into(subjects), into(models), into(cool_until), into(reasons), into(failures),
      into(limits_at), into(rpm), into(tpm), into(rpd), into(minute_requests), into(minute_tokens), into(day_requests),
      into(day_tokens), now;
  std::map<std::string, std::vector<ModelQuota>> by_subject;
  for (size_t i = 0; i < subjects.size(); ++i) {
    if (!model.empty() && models[i] != model) continue;
    ModelQuota quota;
    quota.model = models[i];
    if (cool_until[i] > now_s) {
      quota.rests_until_s = cool_until[i];
      quota.reason = reasons[i];
    }
    quota.failures = failures[i];
    quota.minute_requests = minute_requests[i];
    quota.minute_tokens = minute_tokens[i];
    quota.day_requests = day_requests[i];
    quota.day_tokens = day_tokens[i];
    SetLimits(config, {Optional(rpm[i]), Optional(tpm[i]), Optional(rpd[i])}, limits_at[i], now_s, &quota);
    by_subject[subjects[i]].push_back(std::move(quota));
  }
  return by_subject;
}

// The rest that ends last is the key's.
void SetRest(KeyState* key) {
  if (key->condition == KeyCondition::kDisabled) return;
  for (const ModelQuota& quota : key->models) {
    if (quota.rests_until_s <= key->until_s || quota.reason == kAvoidedReason) continue;
    key->condition = KeyCondition::kResting;
    key->until_s = quota.rests_until_s;
    key->reason = quota.reason;
  }
}

std::vector<KeyState> Joined(std::map<std::string, KeyState> keys,
                             const std::map<std::string, std::vector<ModelQuota>>& quotas) {
  for (const auto& [subject, models] : quotas) {
    if (!subject.starts_with(kProjectPrefix)) keys[subject];
  }
  std::map<std::string, Texts> by_subject;
  for (auto& [hash, key] : keys) {
    key.hash = hash;
    if (key.subject.empty()) key.subject = hash;
    by_subject[key.subject].push_back(hash);
  }
  std::vector<KeyState> all;
  for (auto& [hash, key] : keys) {
    if (const auto found = quotas.find(key.subject); found != quotas.end()) key.models = found->second;
    for (const std::string& sibling : by_subject[key.subject]) {
      if (sibling != hash) key.siblings.push_back(sibling);
    }
    SetRest(&key);
    all.push_back(std::move(key));
  }
  return all;
}

}  // namespace

const char* ConditionName(KeyCondition condition) {
  switch (condition) {
    case KeyCondition::kDisabled:
      return "disabled";
    case KeyCondition::kResting:
      return "resting";
    case KeyCondition::kOk:
      return "ok";
  }
  return "";
}

Status CheckQuotaTables(Poco::Data::Session& state) {
  int tables = 0;
  const Status read = Try(state, [&] {
    state << "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('keys', 'quota')", into(tables), now;
  });
  if (!read.ok()) return read;
  if (tables == 2) return {};
  return Error{ErrorKind::kConfig, "the state database has no table of keys yet: run gemini-code-migrate up"};
}

Result<std::vector<KeyState>> ReadKeyStates(Poco::Data::Session& log, Poco::Data::Session& state, const Config& config,
                                            const std::string& model, int64_t now_unix_s) {
  std::map<std::string, KeyState> keys;
  std::map<std::string, std::vector<ModelQuota>> quotas;
  if (Status s = Try(log, [&] { ReadUse(log, &keys); }); !s.ok()) return s.error();
  const Status read = Try(state, [&] {
    ReadRefusals(state, now_unix_s, &keys);
    quotas = ReadQuota(state, config, model, now_unix_s);
  });
  if (!read.ok()) return read.error();
  return Joined(std::move(keys), quotas);
}

}  // namespace gc::jobs
