// ip.h: IP addresses as text, and how much of one may be logged.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace gc {

// The address without its last octet (IPv4, also mapped into IPv6) or last 80 bits (IPv6), canonical; "unknown" when
// `address` is none.
std::string TruncateIp(std::string_view address);
// The whole address, canonical; "unknown" when `address` is none.
std::string CanonicalIp(std::string_view address);

}  // namespace gc
