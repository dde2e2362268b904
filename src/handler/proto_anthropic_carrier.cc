// proto_anthropic_carrier.cc: the form is MAGIC TARGET "." SIGNATURE.
// SPDX-License-Identifier: MIT
#include "handler/proto_anthropic_carrier.h"

namespace gc {
namespace {

constexpr std::string_view kMagic = "gemini-code-1";  // and the version of the form

}  // namespace

std::string MakeCarrier(CarrierTarget target, std::string_view signature) {
  std::string text(kMagic);
  text += static_cast<char>(target);
  return text.append(".").append(signature);
}

Carrier ReadCarrier(std::string_view text) {
  if (!text.starts_with(kMagic)) return {};
  text.remove_prefix(kMagic.size());
  if (text.starts_with("f.")) return {CarrierTarget::kCall, text.substr(2)};
  if (text.starts_with("t.")) return {CarrierTarget::kText, text.substr(2)};
  return {};
}

}  // namespace gc
