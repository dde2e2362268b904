// ip.h: IP addresses as text, and how much of one may be logged; which are public.
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
// True for an address of the public Internet. False for what leads back to this machine, its network, the provider's
// own services or nowhere, for addresses that hold another one (mapped, NAT64, 6to4, Teredo), and for text that is no
// address. Source: IANA's special-purpose address registries (RFC 6890 and its updates).
bool IsPublicAddress(std::string_view address);

}  // namespace gc
