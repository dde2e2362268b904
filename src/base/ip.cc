// ip.cc: parses, masks and prints IP addresses.
// SPDX-License-Identifier: MIT
#include "base/ip.h"

#include <arpa/inet.h>

#include <cstring>

namespace gc {
namespace {

std::string Print(std::string_view address, size_t v4_bytes, size_t v6_bytes) {
  const std::string text(address);
  char out[INET6_ADDRSTRLEN];
  in6_addr v6{};
  in_addr v4{};
  bool is_v4 = inet_pton(AF_INET, text.c_str(), &v4) == 1;
  if (!is_v4) {
    if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return "unknown";
    is_v4 = IN6_IS_ADDR_V4MAPPED(&v6);
    if (is_v4) std::memcpy(&v4, v6.s6_addr + 12, sizeof v4);
  }
  if (is_v4) {
    std::memset(reinterpret_cast<char*>(&v4) + v4_bytes, 0, sizeof v4 - v4_bytes);
    return inet_ntop(AF_INET, &v4, out, sizeof out);
  }
  std::memset(v6.s6_addr + v6_bytes, 0, sizeof v6 - v6_bytes);
  return inet_ntop(AF_INET6, &v6, out, sizeof out);
}

}  // namespace

std::string TruncateIp(std::string_view address) { return Print(address, 3, 6); }
std::string CanonicalIp(std::string_view address) { return Print(address, 4, 16); }

}  // namespace gc
