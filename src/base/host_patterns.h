// host_patterns.h: lists of host names that an operator allows: `example.org *.cdn.example.com`.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace gc {

// Empty when the text is such a list, else what is wrong. Its entries stand apart by blanks or commas; each is a name
// in lower case, `*.` and a name (every name below that one, not itself), or `*` alone (every name).
std::string CheckHostPatterns(std::string_view patterns);
// Whether the list, which is a correct one, names the host (in lower case).
bool IsHostListed(std::string_view patterns, std::string_view host);
// Labels of letters in lower case, digits, '-' and '_', with single dots between; the last one is no number, for then
// programs take the name for an IPv4 address.
bool IsHostName(std::string_view name);

}  // namespace gc
