// printable.h: text of unknown origin, safe to show on a terminal: a client chose it, and a terminal obeys it.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace gc::jobs {

// Valid UTF-8 in which control characters, and those that turn the direction of writing, stand as \u{1b}.
std::string Printable(std::string_view text);

}  // namespace gc::jobs
