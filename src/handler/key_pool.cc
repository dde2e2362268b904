// key_pool.cc: ranks keys, reserves, learns.
// SPDX-License-Identifier: MIT
#include "handler/key_pool.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/config_patterns.h"
#include "base/pacific.h"

namespace gc {
namespace {

using store::KeyQuota;
using store::QuotaChange;
using store::QuotaLimits;
using Kind = store::QuotaChange::Kind;

constexpr size_t kChunk = 16;                // keys that are looked at together
constexpr size_t kConversationBytes = 2048;  // of a body's first content: the question that all turns share
constexpr double kLeastWeight = 0.001;
constexpr double kAvoided = 1e-6;
constexpr std::string_view kAvoidReason = "model_unknown";  // not a rest: only the last choice

// What a free project usually has, most special first: Google shows the true figures to the project's owner only.
// Source: Gemini API rate limits as published and reported up to November 2026.
struct UsualRow {
  std::string_view pattern;
  int64_t rpm;
  int64_t tpm;
  int64_t rpd;
};
constexpr UsualRow kUsual[] = {
    {"gemma-*", 30, 15'000, 14'400}, {"*embedding*", 100, 30'000, 1'000}, {"*flash-lite*", 15, 250'000, 1'000},
    {"*flash*", 10, 250'000, 250},   {"*pro*", 5, 250'000, 100},          {"*", 10, 250'000, 250},
};

// FNV-1a with a finisher (splitmix64): the same in all processes.
uint64_t Mix(uint64_t h) {
  h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9U;
  h = (h ^ (h >> 27)) * 0x94D049BB133111EBU;
  return h ^ (h >> 31);
}

uint64_t Hash(std::string_view text, uint64_t h = 0xCBF29CE484222325U) {
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return h;
}

// A body's first content, to the brace that closes it: what follows is another one in the next turn.
std::string_view FirstContent(std::string_view body) {
  constexpr std::string_view kContents = "\"contents\":";
  const size_t at = body.find(kContents);
  body = body.substr(at == std::string_view::npos ? 0 : at, kConversationBytes);
  bool in_string = false;
  int depth = 0;
  for (size_t i = 0; i < body.size(); ++i) {
    if (in_string && body[i] == '\\') {
      ++i;
    } else if (body[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && body[i] == '{') {
      ++depth;
    } else if (!in_string && body[i] == '}' && --depth == 0) {
      return body.substr(0, i + 1);
    }
  }
  return body;
}

// All turns of a conversation begin alike: model, then the first content.
uint64_t ConversationOf(const CallSubject& subject) {
  const uint64_t h = Hash(subject.model);
  return Hash(subject.conversation.empty() ? FirstContent(subject.body) : subject.conversation, h);
}

// Weighted rendezvous hashing: the highest wins, each with a chance in proportion to its weight.
double Score(uint64_t conversation, const std::string& key_hash, double weight) {
  const uint64_t h = Mix(Hash(key_hash, conversation)) >> 11;
  const double uniform = (static_cast<double>(h) + 0.5) / static_cast<double>(uint64_t{1} << 53);
  return weight / -std::log(uniform);
}

double Left(int64_t used, const std::optional<int64_t>& limit) {
  if (!limit) return 1;
  return std::clamp(1 - static_cast<double>(used) / static_cast<double>(*limit), 0.0, 1.0);
}

QuotaLimits Or(const QuotaLimits& first, const QuotaLimits& second) {
  const auto either = [](const std::optional<int64_t>& a, const std::optional<int64_t>& b) { return a ? a : b; };
  return {either(first.minute_requests, second.minute_requests), either(first.minute_tokens, second.minute_tokens),
          either(first.day_requests, second.day_requests)};
}

bool IsDayReason(std::string_view reason) { return reason == "day_quota" || reason == "zero_quota"; }

bool IsAvoided(const KeyQuota& key, int64_t now_s) {
  return key.cool_until_s > now_s && key.cool_reason == kAvoidReason;
}

}  // namespace

int64_t EstimateTokens(std::string_view body) {
  constexpr size_t kFileBytes = 8192;     // a string without a blank that is longer holds a file, not words
  constexpr int64_t kTokensOfFile = 258;  // an image's
  int64_t text_bytes = 0;
  int64_t files = 0;
  while (!body.empty()) {
    const std::string_view piece = body.substr(0, body.find('"'));
    const bool is_file = piece.size() > kFileBytes && piece.substr(0, kFileBytes).find(' ') == std::string_view::npos;
    if (is_file) {
      ++files;
    } else {
      text_bytes += static_cast<int64_t>(piece.size()) + 1;
    }
    body.remove_prefix(std::min(piece.size() + 1, body.size()));
  }
  return text_bytes / 4 + files * kTokensOfFile;
}

QuotaLimits KeyPool::Enforced(const KeyQuota& key, std::string_view model) const {
  QuotaLimits configured;
  const std::string_view value = config_.Patterns(ConfigTable::kQuotaLimits).ValueFor(model);
  if (const auto row = value.empty() ? std::nullopt : ReadLimits(value)) configured = {row->rpm, row->tpm, row->rpd};
  if (key.learned_at_s + config_.Int(ConfigKey::kQuotaLearnedTtlS) <= clock_.UnixS()) return configured;
  return Or(key.learned, configured);
}

QuotaLimits KeyPool::Usual(const KeyQuota& key, std::string_view model) const {
  const QuotaLimits known = Enforced(key, model);
  for (const UsualRow& row : kUsual) {
    if (MatchesPattern(row.pattern, model)) return Or(known, {row.rpm, row.tpm, row.rpd});
  }
  return known;
}

double KeyPool::Remaining(const KeyQuota& key, std::string_view model) const {
  const QuotaLimits limits = Usual(key, model);
  const auto weight = [&](ConfigKey name) { return static_cast<double>(config_.Int(name)); };
  const double requests = weight(ConfigKey::kPoolWeightMinuteRequests);
  const double tokens = weight(ConfigKey::kPoolWeightMinuteTokens);
  const double day = weight(ConfigKey::kPoolWeightDayRequests);
  const double sum = requests + tokens + day;
  if (sum == 0) return 1;
  return (requests * Left(key.minute_requests, limits.minute_requests) +
          tokens * Left(key.minute_tokens, limits.minute_tokens) + day * Left(key.day_requests, limits.day_requests)) /
         sum;
}

KeyRing::KeyRing(KeyPool* pool, const Credentials& credentials, int64_t arrived_monotonic_us)
    : pool_(pool),
      credentials_(credentials),
      arrived_us_(arrived_monotonic_us),
      spent_until_s_(credentials.keys().size()),
      tries_(credentials.keys().size()) {
  hashes_.reserve(credentials.keys().size());
  for (const std::string& key : credentials.keys()) hashes_.push_back(pool->hasher_.Hash(key));
}

const std::string& KeyRing::key_hash() const {
  static const std::string kNone;
  return hashes_.empty() ? kNone : hashes_[current_];
}

// The order in which keys are looked at: the conversation's favourites first.
std::vector<size_t> KeyRing::Order(const CallSubject& subject) const {
  std::vector<size_t> indexes(hashes_.size());
  std::iota(indexes.begin(), indexes.end(), 0);
  if (indexes.size() <= kChunk) return indexes;
  const uint64_t conversation = ConversationOf(subject);
  std::vector<double> scores;
  scores.reserve(hashes_.size());
  for (const std::string& hash : hashes_) scores.push_back(Score(conversation, hash, 1));
  std::sort(indexes.begin(), indexes.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return indexes;
}

// The next chunk's keys with their state, the best first.
std::vector<KeyRing::Candidate> KeyRing::Ranked(const CallSubject& subject, const std::vector<size_t>& indexes,
                                                size_t from) const {
  const size_t end = std::min(indexes.size(), from + kChunk);
  std::vector<std::string> hashes;
  for (size_t i = from; i < end; ++i) hashes.push_back(hashes_[indexes[i]]);
  const int64_t now_s = pool_->clock_.UnixS();
  auto quotas = pool_->quota_.Read(hashes, subject.model, store::WindowsAt(now_s));
  const uint64_t conversation = hashes.size() > 1 ? ConversationOf(subject) : 0;
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < quotas.size(); ++i) {
    Candidate candidate{indexes[from + i], 0, std::move(quotas[i])};
    if (hashes.size() > 1) {
      double weight = std::max(kLeastWeight, pool_->Remaining(candidate.quota, subject.model));
      weight /= static_cast<double>(1 + std::min<int64_t>(candidate.quota.failures, 8));
      if (IsAvoided(candidate.quota, now_s)) weight *= kAvoided;
      candidate.score = Score(conversation, hashes[i], weight);
    }
    candidates.push_back(std::move(candidate));
  }
  // A key that has failed this request already comes after those that have not.
  std::stable_sort(candidates.begin(), candidates.end(), [&](const Candidate& a, const Candidate& b) {
    if (tries_[a.index] != tries_[b.index]) return tries_[a.index] < tries_[b.index];
    return a.score > b.score;
  });
  return candidates;
}

void KeyRing::PassOver(size_t index, std::string_view reason, int64_t until_s) {
  const bool told = std::any_of(attempts_.begin(), attempts_.end(), [&](const store::KeyAttempt& attempt) {
    return attempt.key_hash == hashes_[index] && (attempt.called || attempt.reason == reason);
  });
  if (told) return;
  attempts_.push_back({.key_hash = hashes_[index],
                       .reason = std::string(reason),
                       .start_ms = SinceArrivalMs(),
                       .rests_until_unix_s = until_s});
}

bool KeyRing::MayBeAsked(const Candidate& candidate, const CallSubject& subject, Blocked* blocked) {
  const KeyQuota& quota = candidate.quota;
  const int64_t now_s = pool_->clock_.UnixS();
  const auto cools = [&](std::string_view reason, int64_t until_s) {
    ++blocked->cooling;
    blocked->soonest_s = blocked->soonest_s == 0 ? until_s : std::min(blocked->soonest_s, until_s);
    blocked->only_days = blocked->only_days && IsDayReason(reason);
    PassOver(candidate.index, reason, until_s);
    return false;
  };
  if (quota.disabled_until_s > now_s) {
    const FailureMeaning* meaning = FindMeaning(quota.disabled_reason);
    const std::string_view reason = meaning != nullptr ? meaning->name : "disabled";
    if (meaning != nullptr && meaning->kind == ApiErrorKind::kRateLimited) return cools(reason, quota.disabled_until_s);
    ++blocked->dead;
    blocked->dead_reason = reason;
    PassOver(candidate.index, reason, quota.disabled_until_s);
    return false;
  }
  if (!subject.model.empty() && quota.cool_until_s > now_s && !IsAvoided(quota, now_s)) {
    const FailureMeaning* meaning = FindMeaning(quota.cool_reason);
    return cools(meaning != nullptr ? meaning->name : "cooling", quota.cool_until_s);
  }
  return spent_until_s_[candidate.index] <= now_s;
}

// Reserves what must be; false when a limit that is known here is used up.
bool KeyRing::Lease(const Candidate& candidate, const CallSubject& subject, Blocked* blocked) {
  const int64_t now_s = pool_->clock_.UnixS();
  store::QuotaWindows windows = store::WindowsAt(now_s);
  const QuotaLimits limits = subject.model.empty() ? QuotaLimits{} : pool_->Enforced(candidate.quota, subject.model);
  int64_t tokens = 0;
  // More than a limit gets the whole limit, and Google decides.
  const int64_t requests = std::min(
      {subject.calls, limits.minute_requests.value_or(subject.calls), limits.day_requests.value_or(subject.calls)});
  bool is_reserved = false;
  if (limits.any()) {
    if (limits.minute_tokens) tokens = std::min(EstimateTokens(subject.body) * subject.calls, *limits.minute_tokens);
    const store::Grant grant =
        pool_->quota_.Reserve(candidate.quota.subject, subject.model, limits, requests, tokens, &windows);
    if (grant == store::Grant::kDenied) {
      const bool day = limits.day_requests && candidate.quota.day_requests + requests > *limits.day_requests;
      const int64_t until_s = day ? NextPacificMidnight(now_s) : (now_s / 60 + 1) * 60;
      ++blocked->cooling;
      blocked->soonest_s = blocked->soonest_s == 0 ? until_s : std::min(blocked->soonest_s, until_s);
      blocked->only_days = blocked->only_days && day;
      PassOver(candidate.index, day ? "day_limit_reached" : "minute_limit_reached", until_s);
      return false;
    }
    is_reserved = grant == store::Grant::kGranted;
  }
  current_ = candidate.index;
  model_ = subject.model;
  quota_ = candidate.quota;
  windows_ = windows;
  reserved_requests_ = is_reserved ? requests : 0;
  reserved_tokens_ = is_reserved ? tokens : 0;
  is_reserved_ = is_reserved;
  is_taken_ = true;
  calls_ = subject.calls;
  ++rounds_;
  ++tries_[current_];
  attempts_.push_back({.key_hash = hashes_[current_], .called = true, .start_ms = SinceArrivalMs()});
  return true;
}

std::optional<ApiError> KeyRing::Take(const CallSubject& subject) {
  Blocked blocked;
  const std::vector<size_t> order = Order(subject);
  for (size_t from = 0; from < order.size(); from += kChunk) {
    for (const Candidate& candidate : Ranked(subject, order, from)) {
      if (MayBeAsked(candidate, subject, &blocked) && Lease(candidate, subject, &blocked)) return std::nullopt;
    }
  }
  free_at_s_ = blocked.soonest_s;
  return Exhausted(blocked, subject.model);
}

int64_t KeyRing::free_in_ms() const {
  return free_at_s_ == 0 ? 0 : std::max<int64_t>(1, free_at_s_ * 1000 - pool_->clock_.UnixMs());
}

ApiError KeyRing::Exhausted(const Blocked& blocked, std::string_view model) const {
  ApiError error;
  if (blocked.cooling == 0) {
    error.kind = ApiErrorKind::kBadCredential;
    error.message = size() == 1 ? "Google refused this API key" : "Google refused all of these API keys";
    error.message += " (" + std::string(blocked.dead_reason) + "), and it is not asked again for the time being";
    return error;
  }
  error.kind = blocked.only_days ? ApiErrorKind::kQuotaExhausted : ApiErrorKind::kRateLimited;
  error.retry_after_s = (free_in_ms() + 999) / 1000;
  error.message = size() == 1 ? "This API key is" : "All " + std::to_string(size()) + " API keys are";
  error.message += " out of quota for " + (model.empty() ? "Gemini" : std::string(model)) + ". Please try again in " +
                   std::to_string(error.retry_after_s) + "s";
  return error;
}

// What the windows hold for this call beyond what was reserved.
void KeyRing::Settle(int64_t requests, int64_t tokens, std::vector<QuotaChange>* changes) {
  if (model_.empty()) return;
  if (is_reserved_) {
    requests -= reserved_requests_;
    tokens -= reserved_tokens_;
    is_reserved_ = false;
  }
  if (requests == 0 && tokens == 0) return;
  changes->push_back({.kind = Kind::kUse,
                      .subject = quota_.subject,
                      .model = model_,
                      .windows = windows_,
                      .requests = requests,
                      .tokens = tokens});
}

void KeyRing::EndCall(std::string_view reason, int status) {
  is_taken_ = false;
  store::KeyAttempt& attempt = attempts_.back();
  attempt.reason = reason;
  attempt.status_code = status;
  attempt.duration_ms = SinceArrivalMs() - attempt.start_ms;
}

void KeyRing::Succeeded(const gemini::Usage& usage) {
  if (!is_taken_) return;
  EndCall({}, 200);
  std::vector<QuotaChange> changes;
  Settle(calls_, usage.input(), &changes);
  if (quota_.failures > 0 && !model_.empty()) {
    changes.push_back({.kind = Kind::kSuccess, .subject = quota_.subject, .model = model_});
  }
  pool_->quota_.Add(std::move(changes));
}

// What the refusal teaches all processes.
std::vector<QuotaChange> KeyRing::Lessons(const FailureMeaning& meaning, const gemini::Failure& failure,
                                          int64_t until_s) {
  const std::string reason(meaning.name);
  std::vector<QuotaChange> changes;
  if (meaning.effect == KeyEffect::kDisableDay) {
    Settle(0, 0, &changes);
    changes.push_back({.kind = Kind::kClear, .key_hash = key_hash()});
    changes.push_back({.kind = Kind::kDisable, .key_hash = key_hash(), .until_s = until_s, .reason = reason});
    return changes;
  }
  // A request that is over a limit is not counted by Google; with another error it was a request all the same.
  Settle(failure.http_status == 429 ? 0 : calls_, 0, &changes);
  if (meaning.effect == KeyEffect::kDisableTenMinutes) {
    changes.push_back({.kind = Kind::kDisable, .key_hash = key_hash(), .until_s = until_s, .reason = reason});
  } else if (meaning.effect != KeyEffect::kNone && !model_.empty()) {
    changes.push_back({.kind = Kind::kCool,
                       .subject = quota_.subject,
                       .model = model_,
                       .until_s = until_s,
                       .reason = reason,
                       .limits = LimitsIn(failure)});
  }
  const std::string project = failure.project.empty() ? "" : "project/" + failure.project;
  if (!project.empty() && project != quota_.subject) {
    changes.push_back({.kind = Kind::kProject, .subject = project, .key_hash = key_hash()});
  }
  return changes;
}

NextStep KeyRing::Refused(const gemini::Failure& failure) {
  if (!is_taken_) return NextStep::kNone;
  const FailureMeaning& meaning = MeaningOf(Classify(failure));
  const int64_t until_s = RestUntil(meaning.effect, failure, quota_.failures, pool_->clock_.UnixS());
  EndCall(meaning.name, failure.http_status);
  attempts_.back().rests_until_unix_s = until_s;
  attempts_.back().key_rejected = meaning.failure_class == FailureClass::kInvalidKey;
  std::vector<QuotaChange> changes = Lessons(meaning, failure, until_s);
  if (!changes.empty()) pool_->quota_.ApplyNow(std::move(changes));
  if (meaning.next == NextStep::kOtherKey || meaning.next == NextStep::kOtherKeyOnce) {
    spent_until_s_[current_] = until_s > 0 ? until_s : std::numeric_limits<int64_t>::max();
  }
  return meaning.next;
}

void KeyRing::Broke(std::string_view reason, Sent sent, int status, const gemini::Usage& usage) {
  if (!is_taken_) return;
  EndCall(reason, status);
  std::vector<QuotaChange> changes;
  if (sent == Sent::kNo) {
    Settle(0, 0, &changes);
  } else {
    Settle(calls_, std::max(reserved_tokens_, usage.input()), &changes);
  }
  pool_->quota_.Add(std::move(changes));
}

int64_t KeyRing::SinceArrivalMs() const { return (pool_->clock_.MonotonicUs() - arrived_us_) / 1000; }

}  // namespace gc
