// host_patterns.cc: cuts, checks and matches lists of host names.
// SPDX-License-Identifier: MIT
#include "base/host_patterns.h"

#include <algorithm>

namespace gc {
namespace {

constexpr std::string_view kBetween = " \t,";
constexpr size_t kMaxName = 253;  // RFC 1035, as text
constexpr size_t kMaxLabel = 63;

// The next entry, which is taken off *rest; empty at the end.
std::string_view Next(std::string_view* rest) {
  const size_t begin = std::min(rest->find_first_not_of(kBetween), rest->size());
  const size_t end = std::min(rest->find_first_of(kBetween, begin), rest->size());
  const std::string_view entry = rest->substr(begin, end - begin);
  rest->remove_prefix(end);
  return entry;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsLabel(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel && std::all_of(label.begin(), label.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '-' || c == '_';
  });
}

// As browsers tell it: decimal and octal numbers, and hexadecimal ones.
bool IsNumber(std::string_view label) {
  return std::all_of(label.begin(), label.end(), IsDigit) || label.starts_with("0x");
}

}  // namespace

bool IsHostName(std::string_view name) {
  if (name.size() > kMaxName) return false;
  for (;;) {
    const size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (!IsLabel(label)) return false;
    if (dot == std::string_view::npos) return !IsNumber(label);
    name.remove_prefix(dot + 1);
  }
}

std::string CheckHostPatterns(std::string_view patterns) {
  for (std::string_view entry = Next(&patterns); !entry.empty(); entry = Next(&patterns)) {
    const std::string_view name = entry.starts_with("*.") ? entry.substr(2) : entry;
    if (entry == "*" || IsHostName(name)) continue;
    return "must hold host names in lower case, `*.` and a name, or `*`; not " + std::string(entry);
  }
  return {};
}

bool IsHostListed(std::string_view patterns, std::string_view host) {
  for (std::string_view entry = Next(&patterns); !entry.empty(); entry = Next(&patterns)) {
    if (entry == "*" || entry == host) return true;
    if (entry.starts_with("*.") && host.size() >= entry.size() && host.ends_with(entry.substr(1))) return true;
  }
  return false;
}

}  // namespace gc
