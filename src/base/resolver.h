// resolver.h: the addresses of a host name, from the system's resolver, in bounded time.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace gc {

// As text, in the system's order of preference; each once. The system's resolver cannot be interrupted: it runs in a
// thread of its own, which outlives a call that was given up.
// When watch_fd (or -1) becomes readable, is_cancelled says whether that is a reason to stop.
// Errors: kUnreachable (there is none, or the resolver failed), kTimeout, kCancelled. Any thread.
Result<std::vector<std::string>> ResolveHost(const std::string& host, int64_t timeout_ms, int watch_fd,
                                             const std::function<bool()>& is_cancelled);

}  // namespace gc
