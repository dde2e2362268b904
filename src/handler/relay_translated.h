// relay_translated.h: calls Gemini for a protocol that is translated, and lets the protocol write the answer.
// SPDX-License-Identifier: MIT
#pragma once

#include "handler/exchange.h"
#include "handler/protocol.h"

namespace gc {

// REQUIRES: protocol->Parse gave `call`. Answers the client in every case; what happened stands in *exchange.
void RelayTranslated(Exchange* exchange, Protocol* protocol, const gemini::Request& call);
// The same for a request that wants no answer: Gemini is not asked. What the client gets was ended by its limit.
void AnswerUnasked(Exchange* exchange, Protocol* protocol, bool stream);

}  // namespace gc
