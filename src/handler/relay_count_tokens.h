// relay_count_tokens.h: asks Gemini how many tokens a request has. Nothing is generated, and the log row has no usage.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "handler/exchange.h"
#include "handler/gemini.h"

namespace gc {

// Answers the client in every case, in Anthropic's shape. Where Gemini cannot count now (a limit, an outage),
// `estimate` is the answer, marked by the header x-gemini-code-estimate: true; what Gemini refuses is an error.
void RelayCountTokens(Exchange* exchange, const gemini::Request& request, int64_t estimate);

}  // namespace gc
