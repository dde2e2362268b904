// keys_words.h: the reasons in state.db and in key_attempts, as a person reads them.
// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace gc::jobs {

// A whole phrase; a reason that is not known is its own.
std::string_view ReasonWords(std::string_view reason);

// A key that rests for this reason is still asked where no other is left.
inline constexpr std::string_view kAvoidedReason = "model_unknown";

}  // namespace gc::jobs
