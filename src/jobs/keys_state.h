// keys_state.h: what the two databases know of keys: use and failures from the main one, rest, quota and project from
// the state.
// SPDX-License-Identifier: MIT
#pragma once

#include <Poco/Data/Session.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/result.h"

namespace gc::jobs {

// In the order of trouble.
enum class KeyCondition { kDisabled, kResting, kOk };
const char* ConditionName(KeyCondition condition);  // disabled | resting | ok

struct KnownLimit {
  std::optional<int64_t> value;
  bool is_learned = false;  // from a refusal of Google's; else it is configured
};

// A key's quota of one model, with what was used of it in the current minute and day.
struct ModelQuota {
  std::string model;
  int64_t rests_until_s = 0;  // Unix seconds; 0: it does not rest
  std::string reason;         // of its rest
  int64_t failures = 0;       // in a row
  int64_t minute_requests = 0;
  int64_t minute_tokens = 0;
  int64_t day_requests = 0;
  int64_t day_tokens = 0;
  KnownLimit minute_requests_limit;
  KnownLimit minute_tokens_limit;
  KnownLimit day_requests_limit;
  int64_t learned_at_s = 0;  // Unix seconds; 0: nothing is learned, or it is too old to count
};

struct KeyUse {
  int64_t requests = 0;
  int64_t failed = 0;
  double average_ms = 0;
  int64_t last_used_s = 0;  // Unix seconds; 0: never
};

struct KeyState {
  std::string hash;
  std::string subject;  // whose quota it uses: its own hash, or project/NUMBER
  KeyCondition condition = KeyCondition::kOk;
  int64_t until_s = 0;  // Unix seconds: of its disablement, else of its last rest; 0: it is ok
  std::string reason;
  std::vector<std::string> siblings;  // other keys with this subject
  std::optional<KeyUse> use;          // nullopt: the main database has never counted it
  std::vector<ModelQuota> models;     // by name
};

// `state` has the tables of keys: kConfig when its schema is the one before.
Status CheckQuotaTables(Poco::Data::Session& state);

// Every key that is known to either, by hash. `model`: only its quota counts; empty: all of them.
Result<std::vector<KeyState>> ReadKeyStates(Poco::Data::Session& log, Poco::Data::Session& state, const Config& config,
                                            const std::string& model, int64_t now_unix_s);

}  // namespace gc::jobs
