// printable.cc: escapes what a terminal would obey.
// SPDX-License-Identifier: MIT
#include "jobs/printable.h"

#include <cstdint>
#include <cstdio>

#include "base/json.h"

namespace gc::jobs {
namespace {

bool IsHarmful(uint32_t c) {
  const bool is_control = c < 0x20 || (c >= 0x7F && c < 0xA0);
  const bool turns = c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
  return is_control || turns || c == 0x2028 || c == 0x2029;
}

}  // namespace

std::string Printable(std::string_view text) {
  const std::string clean = json::CleanUtf8(text);
  std::string out;
  for (size_t i = 0; i < clean.size();) {
    const auto first = static_cast<unsigned char>(clean[i]);
    const size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    uint32_t c = length == 1 ? first : first & (0x7FU >> length);
    for (size_t k = 1; k < length; ++k) c = (c << 6) | (static_cast<unsigned char>(clean[i + k]) & 0x3FU);
    if (IsHarmful(c)) {
      char escaped[16];
      snprintf(escaped, sizeof escaped, "\\u{%x}", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out.append(clean, i, length);
    }
    i += length;
  }
  return out;
}

}  // namespace gc::jobs
