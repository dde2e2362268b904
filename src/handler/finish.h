// finish.h: what Gemini's finishReason means to a client.
// Source: the FinishReason enum of the v1beta reference and reports of its use. Any thread.
// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace gc {

enum class Finish { kStop, kLength, kContentFilter, kFailed };

// `reason` is empty when a whole answer came without one. An answer with content is never a failure.
Finish FinishOf(std::string_view reason, bool has_content);

}  // namespace gc
