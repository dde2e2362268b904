// relay_translated.h: calls Gemini for a protocol that is translated, and lets the protocol write the answer.
// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "handler/exchange.h"
#include "handler/protocol.h"

namespace gc {

using ProtocolFactory = std::unique_ptr<Protocol> (*)(Clock& clock);

// Parses the request, calls Gemini and answers the client in every case; what happened stands in *exchange and *labels.
// `context` is what the route adds to the request; signatures are the exchange's.
void RelayTranslated(Exchange* exchange, ProtocolFactory new_protocol, ParseContext context, Labels* labels);

}  // namespace gc
