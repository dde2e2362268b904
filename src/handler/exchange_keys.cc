// exchange_keys.cc: when to call once more, and with which key.
// SPDX-License-Identifier: MIT
#include "handler/exchange_keys.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace gc {
namespace {

constexpr int64_t kFirstPauseMs = 250;
constexpr int64_t kLongestPauseMs = 4000;
constexpr int64_t kLookEveryMs = 50;  // whether the client is still there

// What clients call their conversation: Claude Code, Codex, and whoever follows them.
constexpr std::string_view kSessionHeaders[] = {"x-claude-code-session-id", "session-id", "thread-id", "x-session-id"};

// False when the client left meanwhile.
bool Pause(Exchange* exchange, int64_t ms) {
  const int64_t end_us = exchange->clock.MonotonicUs() + ms * 1000;
  for (;;) {
    if (exchange->sink.ClientGone()) {
      ClientLeft(exchange);
      return false;
    }
    const int64_t left_ms = (end_us - exchange->clock.MonotonicUs() + 999) / 1000;
    if (left_ms <= 0) return true;
    usleep(static_cast<useconds_t>(std::min(left_ms, kLookEveryMs) * 1000));
  }
}

// Doubles with each call, and is not the same for two requests that were refused together.
int64_t PauseMs(Exchange* exchange) {
  uint32_t random = 0;
  exchange->clock.Random(&random, sizeof random);
  const int64_t base = std::min(kFirstPauseMs << std::min<int64_t>(exchange->keys.rounds() - 1, 8), kLongestPauseMs);
  return base / 2 + static_cast<int64_t>(random) % base;
}

bool IsLimit(ApiErrorKind kind) { return kind == ApiErrorKind::kRateLimited || kind == ApiErrorKind::kQuotaExhausted; }

// With no key left: what Google said of the last one, or what is true of all.
ApiError Final(const Exchange& exchange, const std::optional<ApiError>& failed, ApiError none_left) {
  if (!failed) return none_left;
  if (!IsLimit(none_left.kind) || !IsLimit(failed->kind)) return *failed;
  if (exchange.keys.size() == 1) none_left.message = failed->message;
  return none_left;
}

// What the call before said is not what the log row is about.
void ForgetCall(Exchange* exchange) {
  exchange->usages.clear();
  exchange->finish_reason.clear();
  exchange->first_token_us = 0;
  exchange->upstream_status = 0;
  exchange->quota_id.clear();
  exchange->next_step = NextStep::kNone;
}

}  // namespace

CallSubject SubjectOf(const Exchange& exchange, std::string_view model, std::string_view body, size_t calls) {
  CallSubject subject{.model = model, .body = body, .conversation = {}, .calls = static_cast<int64_t>(calls)};
  for (const std::string_view name : kSessionHeaders) {
    if (subject.conversation.empty()) subject.conversation = exchange.request.Header(name);
  }
  return subject;
}

std::optional<ApiError> TakeKey(Exchange* exchange, const CallSubject& subject, const std::optional<ApiError>& failed) {
  SettleCall(exchange, failed);
  const int64_t until_us =
      exchange->request.received_monotonic_us + exchange->config.Int(ConfigKey::kPoolMaxWaitS) * 1'000'000;
  for (;;) {
    auto none_left = exchange->keys.Take(subject);
    if (!none_left) {
      ForgetCall(exchange);
      return std::nullopt;
    }
    const int64_t wait_ms = exchange->keys.free_in_ms();
    const bool worth_it = wait_ms > 0 && exchange->clock.MonotonicUs() + wait_ms * 1000 <= until_us;
    if (!worth_it) return Final(*exchange, failed, std::move(*none_left));
    if (!Pause(exchange, wait_ms)) return none_left;
  }
}

bool MayCallAgain(Exchange* exchange) {
  const NextStep step = std::exchange(exchange->next_step, NextStep::kNone);
  if (step == NextStep::kNone || exchange->keys.rounds() >= exchange->config.Int(ConfigKey::kPoolMaxAttempts)) {
    return false;
  }
  const bool once = step == NextStep::kOtherKeyOnce || step == NextStep::kSoonOnce;
  if (once && std::exchange(exchange->repeated, true)) return false;
  if (step == NextStep::kOtherKey || step == NextStep::kOtherKeyOnce) return true;
  return Pause(exchange, PauseMs(exchange));
}

void SettleCall(Exchange* exchange, const std::optional<ApiError>& error) {
  if (!exchange->keys.is_taken()) return;
  const gemini::Usage usage = exchange->usage();
  if (exchange->status == 499) {
    return exchange->keys.Broke("client_closed_request", KeyRing::Sent::kMaybe, exchange->upstream_status, usage);
  }
  if (!error) return exchange->keys.Succeeded(usage);
  const bool unsent = error->kind == ApiErrorKind::kUpstreamUnreachable;
  exchange->keys.Broke(ErrorTypeName(error->kind), unsent ? KeyRing::Sent::kNo : KeyRing::Sent::kMaybe,
                       exchange->upstream_status, usage);
}

std::optional<ApiError> CallUnary(Exchange* exchange, std::string_view model, const GeminiCall& call,
                                  Collector* collected) {
  const CallSubject subject = SubjectOf(*exchange, model, call.body);
  std::optional<ApiError> failed;
  do {
    if (auto none_left = TakeKey(exchange, subject, failed)) return none_left;
    *collected = Collector(exchange);
    failed = CallTogether(exchange, {&call, 1}, {&collected, 1});
  } while (failed && exchange->status != 499 && MayCallAgain(exchange));
  return failed;
}

}  // namespace gc
