// cgi.h: one request as a plain CGI program.
// SPDX-License-Identifier: MIT
#pragma once

#include "base/config.h"

namespace gc {

// Serves the request in the environment and on fd 0, answers on fd 1, then writes the log row after the answer is out.
// Returns the exit code (sysexits.h).
int RunCgi(const Config& config);

}  // namespace gc
