// ip.cc: parses, masks, judges and prints IP addresses.
// SPDX-License-Identifier: MIT
#include "base/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
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

struct Range {
  const char* network;
  int bits;
};

constexpr Range kNotPublicV4[] = {
    {"0.0.0.0", 8},         // this network
    {"10.0.0.0", 8},        // private
    {"100.64.0.0", 10},     // carriers' NAT; some clouds' metadata
    {"127.0.0.0", 8},       // loopback
    {"168.63.129.16", 32},  // Azure's services for its machines
    {"169.254.0.0", 16},    // link-local; most clouds' metadata
    {"172.16.0.0", 12},     // private
    {"192.0.0.0", 24},      // protocol assignments
    {"192.0.2.0", 24},      // documentation
    {"192.88.99.0", 24},    // 6to4 relays
    {"192.168.0.0", 16},    // private
    {"198.18.0.0", 15},     // benchmarking
    {"198.51.100.0", 24},   // documentation
    {"203.0.113.0", 24},    // documentation
    {"224.0.0.0", 4},       // multicast
    {"240.0.0.0", 4},       // reserved, broadcast
};
// All public IPv6 addresses lie here; loopback, mapped, NAT64, unique local, link-local and multicast do not.
constexpr Range kGlobalV6 = {"2000::", 3};
constexpr Range kNotPublicV6[] = {
    {"2001::", 23},      // protocol assignments: Teredo, benchmarking, ORCHID
    {"2001:db8::", 32},  // documentation
    {"2002::", 16},      // 6to4
    {"3fff::", 20},      // documentation
};

template <size_t kBytes>
bool IsIn(const std::array<uint8_t, kBytes>& address, int family, const Range& range) {
  std::array<uint8_t, kBytes> network{};
  inet_pton(family, range.network, network.data());
  for (int bit = 0; bit < range.bits; ++bit) {
    const int mask = 0x80 >> bit % 8;
    if (((address[bit / 8] ^ network[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

}  // namespace

bool IsPublicAddress(std::string_view address) {
  const std::string text(address);
  std::array<uint8_t, 4> v4{};
  std::array<uint8_t, 16> v6{};
  if (inet_pton(AF_INET, text.c_str(), v4.data()) == 1) {
    return std::none_of(std::begin(kNotPublicV4), std::end(kNotPublicV4),
                        [&](const Range& range) { return IsIn(v4, AF_INET, range); });
  }
  return inet_pton(AF_INET6, text.c_str(), v6.data()) == 1 && IsIn(v6, AF_INET6, kGlobalV6) &&
         std::none_of(std::begin(kNotPublicV6), std::end(kNotPublicV6),
                      [&](const Range& range) { return IsIn(v6, AF_INET6, range); });
}

std::string TruncateIp(std::string_view address) { return Print(address, 3, 6); }
std::string CanonicalIp(std::string_view address) { return Print(address, 4, 16); }

}  // namespace gc
