// redact.h: takes secrets out of text before it is logged, stored or sent.
// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace gc {

inline constexpr std::string_view kRedacted = "[redacted]";

// Replaces with kRedacted: every occurrence of one of `secrets` (those of the current request; shorter than 4 bytes are
// skipped), and whatever looks like a credential: Google keys (AIza..., AQ....), gateway tokens (gct_...), the word
// after "Bearer ", and values of key=, api_key= and access_token= in a query. Redacting twice changes nothing more. Any
// thread.
std::string Redact(std::string_view text, std::span<const std::string> secrets = {});

// Cuts to at most `bytes` without splitting a UTF-8 sequence.
std::string_view CutUtf8(std::string_view text, size_t bytes);

}  // namespace gc
