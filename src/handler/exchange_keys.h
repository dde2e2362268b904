// exchange_keys.h: the key that a request's next call to Gemini goes out with: taken before each call, settled after
// it, another one after a refusal.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>

#include "handler/exchange.h"

namespace gc {

// What a call of this request is about. `model` empty: one that no model's quota is asked for.
CallSubject SubjectOf(const Exchange& exchange, std::string_view model, std::string_view body, size_t calls = 1);

// Takes a key for the next call, and waits for one where pool.max_wait_s allows. `failed`: what the call before came
// to. Nullopt: exchange->keys.key() is it. Else the error for the client; when it left meanwhile, exchange->status is
// 499.
std::optional<ApiError> TakeKey(Exchange* exchange, const CallSubject& subject,
                                const std::optional<ApiError>& failed = std::nullopt);

// After a call that Google refused before the client got anything: true when another one is worth it, after the pause
// that it needs. False as well when the client left in that pause. A call that broke is not made again: Google may have
// done, and billed, what it asked for.
bool MayCallAgain(Exchange* exchange);

// Tells the keys what the last call came to, unless Google's refusal has said so already. `error`: why it failed.
void SettleCall(Exchange* exchange, const std::optional<ApiError>& error);

// One unary call, with as many keys as it takes. Nullopt: *collected holds a 2xx answer. Else the error for the client;
// after ClientLeft() the caller finds exchange->status 499 and sends nothing.
std::optional<ApiError> CallUnary(Exchange* exchange, std::string_view model, const GeminiCall& call,
                                  Collector* collected);

}  // namespace gc
