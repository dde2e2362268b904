// proto_anthropic_carrier.h: Gemini's thought signatures inside Anthropic's opaque strings (thinking.signature,
// redacted_thinking.data), which clients send back unchanged. Any thread.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace gc {

// Which part of the answer was signed.
enum class CarrierTarget : char {
  kNone = 'n',  // no signature: Anthropic's clients want a thinking block to have one
  kCall = 'f',  // the next tool call
  kText = 't',  // the next text
};

struct Carrier {
  CarrierTarget target = CarrierTarget::kNone;
  std::string_view signature;
};

std::string MakeCarrier(CarrierTarget target, std::string_view signature);
// kNone for whatever is not ours: signatures of other models mean nothing to Gemini.
Carrier ReadCarrier(std::string_view text);

}  // namespace gc
