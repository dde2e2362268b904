// keys_unblock.cc: gemini-code-keys unblock: keys that rest or are disabled may be asked again at once.
// SPDX-License-Identifier: MIT
#include <Poco/Data/Statement.h>
#include <sysexits.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "jobs/job.h"
#include "jobs/job_run.h"
#include "jobs/keys.h"
#include "jobs/keys_words.h"
#include "jobs/printable.h"
#include "jobs/session.h"
#include "store/turn_lock.h"

namespace gc::jobs {
namespace {

using Poco::Data::Keywords::now;
using Poco::Data::Keywords::use;

constexpr int kBusyTimeoutMs = 5000;
constexpr int kTurnWaitMs = 1000;
constexpr size_t kLeastPrefix = 4;

// One thing that is in a key's way.
struct Obstacle {
  std::string hash;
  std::string subject;
  std::string model;  // empty: the key itself is disabled
  int64_t until_s = 0;
  std::string reason;
  int64_t failures = 0;  // in a row
  bool learned = false;  // limits that Google named
};

bool IsHashPrefix(const std::string& text) {
  return text.size() >= kLeastPrefix && text.size() <= 32 &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::vector<Obstacle> ObstaclesOf(const KeysOptions& options, const std::vector<KeyState>& keys) {
  std::vector<Obstacle> found;
  std::set<std::pair<std::string, std::string>> told;  // keys of one project share its quota
  for (const KeyState& key : keys) {
    if (key.condition == KeyCondition::kDisabled && options.model.empty()) {
      found.push_back({key.hash, key.subject, "", key.until_s, key.reason, 0, false});
    }
    for (const ModelQuota& quota : key.models) {
      if (quota.rests_until_s == 0 && quota.failures == 0 && quota.learned_at_s == 0) continue;
      if (!told.emplace(key.subject, quota.model).second) continue;
      found.push_back({key.hash, key.subject, quota.model, quota.rests_until_s, quota.reason, quota.failures,
                       quota.learned_at_s > 0});
    }
  }
  return found;
}

// What was used stays: Google has counted it.
void Clear(Poco::Data::Session& state, std::vector<Obstacle>* obstacles, Poco::Int64 now_s) {
  ImmediateTransaction transaction(state);
  for (Obstacle& o : *obstacles) {
    if (o.model.empty()) {
      state << "UPDATE keys SET disabled_until = 0, reason = '', updated_at = ? WHERE key_hash = ?", use(now_s),
          use(o.hash), now;
    } else {
      state << "UPDATE quota SET cool_until = 0, reason = '', failures = 0, minute_requests_limit = NULL,"
               " minute_tokens_limit = NULL, day_requests_limit = NULL, limits_at = 0, updated_at = ?"
               " WHERE subject = ? AND model = ?",
          use(now_s), use(o.subject), use(o.model), now;
    }
  }
  transaction.Commit();
}

std::string ObstacleText(const KeysOptions& options, const Obstacle& o) {
  std::string text = HashText(options, o.hash) + ": ";
  if (o.subject != o.hash && !o.model.empty()) text += "all keys of " + Printable(o.subject) + ": ";
  if (!o.model.empty()) text += Printable(o.model) + ": ";
  std::string what;
  if (o.until_s > 0) {
    what = (o.model.empty() ? "disabled until " : "rest until ") + TimeText(o.until_s);
    if (!o.reason.empty()) what += " (" + Printable(ReasonWords(o.reason)) + ")";
  }
  if (o.failures > 0) what += (what.empty() ? "" : ", ") + std::string("failures in a row");
  if (o.learned) what += (what.empty() ? "" : ", ") + std::string("limits that Google named");
  return text + what;
}

void PrintJson(const KeysOptions& options, const std::vector<Obstacle>& obstacles, Console* console) {
  std::string text;
  json::Writer w(&text);
  w.BeginObject().Key("dry_run").Bool(options.dry_run).Key("cleared").BeginArray();
  for (const Obstacle& o : obstacles) {
    w.BeginObject().Key("key_hash").String(json::CleanUtf8(o.hash)).Key("subject").String(json::CleanUtf8(o.subject));
    w.Key("model");
    o.model.empty() ? w.Null() : w.String(json::CleanUtf8(o.model));
    w.Key("until").Int(o.until_s).Key("reason").String(json::CleanUtf8(o.reason));
    w.Key("limits_forgotten").Bool(o.learned).EndObject();
  }
  w.EndArray().EndObject();
  console->Print(text);
}

void Tell(const KeysOptions& options, const std::vector<Obstacle>& obstacles, Console* console) {
  if (console->json()) return PrintJson(options, obstacles, console);
  for (const Obstacle& o : obstacles) {
    console->Say((options.dry_run ? "would clear " : "cleared ") + ObstacleText(options, o));
  }
  if (obstacles.empty()) console->Say("nothing to clear");
}

// The keys that are meant; an exit code when that is not clear.
Result<std::vector<KeyState>, int> Chosen(const KeysOptions& options, const std::string& prefix, const Config& config,
                                          int64_t now_s, Console* console) {
  auto log = OpenSession(options.database_path, store::Database::kMain, SessionMode::kReadOnly, kBusyTimeoutMs);
  if (!log) return console->Fail(log.error());
  auto state = OpenSession(options.state_path, store::Database::kState, SessionMode::kReadOnly, kBusyTimeoutMs);
  if (!state) return console->Fail(state.error());
  if (Status s = CheckQuotaTables(*state); !s.ok()) return console->Fail(s.error());
  auto keys = ReadKeyStates(*log, *state, config, options.model, now_s);
  if (!keys) return console->Fail(keys.error());
  if (options.all_keys) return std::move(*keys);
  std::erase_if(*keys, [&](const KeyState& key) { return !key.hash.starts_with(prefix); });
  if (keys->empty()) return console->Fail(EX_NOINPUT, "no key has a hash that begins with " + prefix);
  if (keys->size() > 1) return console->Fail(EX_USAGE, "several keys have a hash that begins with " + prefix);
  return std::move(*keys);
}

// A key that is disabled for every model stays so when only one model's rest is cleared.
void WarnOfDisabled(const KeysOptions& options, const std::vector<KeyState>& keys, Console* console) {
  if (options.model.empty()) return;
  for (const KeyState& key : keys) {
    if (key.condition != KeyCondition::kDisabled) continue;
    console->Warn(HashText(options, key.hash) + " stays disabled for all models until " + TimeText(key.until_s) +
                  ": unblock it without --model");
  }
}

Status Change(const KeysOptions& options, std::vector<Obstacle>* obstacles, int64_t now_s) {
  auto state = OpenSession(options.state_path, store::Database::kState, SessionMode::kReadWrite, kBusyTimeoutMs);
  if (!state) return state.error();
  store::TurnLock turns(options.state_path);
  const store::TurnLock::Turn turn = turns.Wait(kTurnWaitMs);
  return Try(*state, [&] { Clear(*state, obstacles, now_s); });
}

}  // namespace

int UnblockKeys(const KeysOptions& options, const std::string& prefix, const Config& config, Clock& clock,
                Console* console) {
  if (options.all_keys != prefix.empty()) return console->Fail(EX_USAGE, "unblock wants a key hash, or --all");
  if (!options.all_keys && !IsHashPrefix(prefix)) {
    return console->Fail(EX_USAGE, "'" + Printable(prefix) + "' is no key hash, nor at least 4 digits of one");
  }
  if (options.dry_run) {
    auto keys = Chosen(options, prefix, config, clock.UnixS(), console);
    if (!keys) return keys.error();
    Tell(options, ObstaclesOf(options, *keys), console);
    return EX_OK;
  }
  auto lock = JobLock::Take(options.database_path, "keys", options.lock_wait_s);
  if (!lock) return console->Fail(lock.error());
  const int64_t now_s = clock.UnixS();
  auto keys = Chosen(options, prefix, config, now_s, console);
  if (!keys) return keys.error();
  JobRecord record(console, options.database_path, "keys");
  std::vector<Obstacle> obstacles = ObstaclesOf(options, *keys);
  if (Status s = Change(options, &obstacles, now_s); !s.ok()) return record.End(console->Fail(s.error()));
  Tell(options, obstacles, console);
  WarnOfDisabled(options, *keys, console);
  record.row().rows = static_cast<int64_t>(obstacles.size());
  record.row().message = "unblock: " + std::to_string(obstacles.size()) + " cleared";
  return record.End(EX_OK);
}

}  // namespace gc::jobs
