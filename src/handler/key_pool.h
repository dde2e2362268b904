// key_pool.h: which of a caller's keys a call goes out with, and what its outcome says about them.
// A key rests when Google said so, in all processes and over restarts (store/quota). Limits that are known - taught by
// a refusal, else configured - are reserved before the call and settled after it; the free tier's usual ones only rank.
// Among the keys that may be asked, weighted rendezvous hashing of the conversation and the key decides, the weight
// being what is left of the key's quota: one conversation stays with one key (whose implicit cache it has filled), many
// spread over all, and a key that runs low loses conversations bit by bit.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/config.h"
#include "base/key_hash.h"
#include "handler/access.h"
#include "handler/gemini.h"
#include "handler/quota_error.h"
#include "store/quota_keeper.h"
#include "store/request_log.h"

namespace gc {

// What a call is about.
struct CallSubject {
  std::string_view model;         // empty: no model's quota is asked for
  std::string_view body;          // for the estimate of its tokens, and for its conversation
  std::string_view conversation;  // what the client calls it; empty: the body's beginning is its name
  int64_t calls = 1;              // that are made at the same time, with the same key
};

// One per process; outlives its rings. Any thread.
class KeyPool {
 public:
  // All must outlive the pool.
  KeyPool(const Config& config, Clock& clock, const KeyHasher& hasher, store::QuotaKeeper& quota)
      : config_(config), clock_(clock), hasher_(hasher), quota_(quota) {}

 private:
  friend class KeyRing;

  // What is enforced, and what ranks, for a key with this state.
  store::QuotaLimits Enforced(const store::KeyQuota& key, std::string_view model) const;
  store::QuotaLimits Usual(const store::KeyQuota& key, std::string_view model) const;
  // 0 to 1: how much of its quota a key has left, by the configured weights.
  double Remaining(const store::KeyQuota& key, std::string_view model) const;

  const Config& config_;
  Clock& clock_;
  const KeyHasher& hasher_;
  store::QuotaKeeper& quota_;
};

// The keys of one request. Used by its thread.
class KeyRing {
 public:
  KeyRing(KeyPool* pool, const Credentials& credentials, int64_t arrived_monotonic_us);

  // Chooses a key for a call. Nullopt: key() and key_hash() are it, and what must be reserved is. Else the error for
  // the client; its retry_after_s, when not 0, is the time until the first key may be asked again. REQUIRES: at least
  // one key, and no call under way.
  std::optional<ApiError> Take(const CallSubject& subject);
  // After a Take that found none: the time until the first key may be asked again; 0: none will be.
  int64_t free_in_ms() const;
  // A call is under way.
  bool is_taken() const { return is_taken_; }
  // What it came to; without a call under way these do nothing, and next is kNone.
  void Succeeded(const gemini::Usage& usage);
  // Google refused. Returns what to try next.
  NextStep Refused(const gemini::Failure& failure);
  // There was no answer, or not all of one. `sent`: Google has got the request, and may count it. `status`: of its
  // answer; 0: none came.
  enum class Sent : uint8_t { kNo, kMaybe };
  void Broke(std::string_view reason, Sent sent, int status, const gemini::Usage& usage);

  const std::string& key() const { return credentials_.keys()[current_]; }
  // Of the key that was called last; of the first one before any call. Empty without keys.
  const std::string& key_hash() const;
  size_t size() const { return credentials_.keys().size(); }
  // Once all is over.
  std::vector<store::KeyAttempt> TakeAttempts() { return std::move(attempts_); }
  // Takes so far.
  int64_t rounds() const { return rounds_; }

 private:
  struct Candidate {
    size_t index = 0;
    double score = 0;
    store::KeyQuota quota;
  };
  // Why keys are passed over, in sum.
  struct Blocked {
    int64_t soonest_s = 0;  // Unix seconds; 0: none will be free
    bool only_days = true;  // all that will be free again wait for a day's quota
    size_t cooling = 0;
    size_t dead = 0;
    std::string_view dead_reason;
  };

  std::vector<size_t> Order(const CallSubject& subject) const;
  std::vector<Candidate> Ranked(const CallSubject& subject, const std::vector<size_t>& indexes, size_t from) const;
  bool MayBeAsked(const Candidate& candidate, const CallSubject& subject, Blocked* blocked);
  bool Lease(const Candidate& candidate, const CallSubject& subject, Blocked* blocked);
  void PassOver(size_t index, std::string_view reason, int64_t until_s);
  ApiError Exhausted(const Blocked& blocked, std::string_view model) const;
  void Settle(int64_t requests, int64_t tokens, std::vector<store::QuotaChange>* changes);
  void EndCall(std::string_view reason, int status);
  std::vector<store::QuotaChange> Lessons(const FailureMeaning& meaning, const gemini::Failure& failure,
                                          int64_t until_s);
  int64_t SinceArrivalMs() const;

  KeyPool* pool_;
  const Credentials& credentials_;
  const int64_t arrived_us_;
  std::vector<std::string> hashes_;
  std::vector<int64_t> spent_until_s_;  // Unix seconds: said no in this request, and is not asked before
  std::vector<int> tries_;              // calls in this request
  std::vector<store::KeyAttempt> attempts_;
  int64_t rounds_ = 0;

  // The call under way.
  size_t current_ = 0;
  std::string model_;
  store::KeyQuota quota_;
  store::QuotaWindows windows_;
  int64_t reserved_requests_ = 0;
  int64_t reserved_tokens_ = 0;
  bool is_reserved_ = false;
  bool is_taken_ = false;
  int64_t free_at_s_ = 0;  // Unix seconds
  int64_t calls_ = 0;
};

// About how many input tokens a request body holds: a quarter of its bytes, files not counted by their size.
int64_t EstimateTokens(std::string_view body);

}  // namespace gc
