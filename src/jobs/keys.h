// keys.h: gemini-code-keys without its command line: what is known of the keys that clients came with, why a request
// went the way it went, and a key that is to be asked again.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/config.h"
#include "jobs/console.h"
#include "jobs/keys_state.h"

namespace gc::jobs {

enum class HashLength { kShort, kFull };  // 8 hex digits, or all 32; JSON has all

struct KeysOptions {
  std::string database_path;
  std::string state_path;
  std::string model;                      // empty: all
  std::optional<KeyCondition> condition;  // only keys in this one
  int64_t limit = 0;                      // keys that are listed; 0: all
  HashLength length = HashLength::kShort;
  bool all_keys = false;    // unblock
  bool dry_run = false;     // unblock
  int64_t lock_wait_s = 0;  // unblock
};

// Each returns a sysexits code as console.h has them, and what stands here.
// Changes nothing.
int ListKeys(const KeysOptions& options, const Config& config, Clock& clock, Console* console);
// `id`: a request's, or at least 8 characters of its beginning. 64 it is none, or several requests have it; 66 no
// request has it.
int ExplainRequest(const KeysOptions& options, const std::string& id, Console* console);
// `prefix`: a key hash, or at least 4 hex digits of its beginning; empty with all_keys. 64 likewise; 66 no such key.
int UnblockKeys(const KeysOptions& options, const std::string& prefix, const Config& config, Clock& clock,
                Console* console);
// Asks Google for one model's name with each of the keys that stand in `input_fd`, apart by commas or blanks. 0 all are
// good; 1 some are not; 64 there is none; 69 Gemini cannot be reached. Keys are wiped after use and never printed.
int TestKeys(const KeysOptions& options, const Config& config, int input_fd, Console* console);

// As options.length says.
std::string HashText(const KeysOptions& options, const std::string& hash);

}  // namespace gc::jobs
