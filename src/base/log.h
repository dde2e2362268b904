// log.h: the process log: one logfmt line per message, redacted, to a file or standard error.
// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace gc {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

using LogField = std::pair<std::string_view, std::string_view>;

// Where the log goes and what it shows. `file` empty: standard error. Once per process, before threads start.
void LogInit(const std::string& file, std::string_view level);

// Writes `time level=… pid=… msg="…" name="value"…` in one write(2). A log that cannot be written is silent: it may not
// stop an answer. Any thread.
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

}  // namespace gc
