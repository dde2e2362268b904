// redact.cc: finds key-shaped text.
// SPDX-License-Identifier: MIT
#include "base/redact.h"

#include <algorithm>

namespace gc {
namespace {

bool IsTokenByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

// Ends nowhere inside a credential, whatever alphabet or list its sender used.
bool IsValueByte(char c) {
  return static_cast<unsigned char>(c) > 0x20 && std::string_view("\"'\\&#<>").find(c) == std::string_view::npos;
}

size_t Length(std::string_view s, bool (*belongs)(char)) {
  return static_cast<size_t>(std::find_if_not(s.begin(), s.end(), belongs) - s.begin());
}

// What a credential begins with, and how many token bytes make it one.
struct Shape {
  std::string_view prefix;
  size_t min_length;
};
constexpr Shape kShapes[] = {{"AIza", 20}, {"AQ.", 20}, {"gct_", 20}};

// What a credential follows.
constexpr std::string_view kAnnouncements[] = {
    "Bearer ", "bearer ", "?key=", "&key=", "?api_key=", "&api_key=", "?access_token=", "&access_token="};

// Bytes of the longest secret that begins at text[at], 0 when there is none.
size_t SecretLength(std::string_view text, size_t at, std::span<const std::string> secrets) {
  const std::string_view rest = text.substr(at);
  size_t longest = 0;
  for (const std::string& secret : secrets) {
    if (secret.size() >= 4 && rest.starts_with(secret)) longest = std::max(longest, secret.size());
  }
  for (const Shape& shape : kShapes) {
    if (!rest.starts_with(shape.prefix)) continue;
    const size_t length = Length(rest, IsTokenByte);
    if (length >= shape.prefix.size() + shape.min_length) longest = std::max(longest, length);
  }
  for (const std::string_view announcement : kAnnouncements) {
    if (text.substr(0, at).ends_with(announcement)) longest = std::max(longest, Length(rest, IsValueByte));
  }
  return longest;
}

}  // namespace

std::string Redact(std::string_view text, std::span<const std::string> secrets) {
  std::string out;
  out.reserve(text.size());
  size_t secret_end = 0;  // secrets may overlap: each byte of any of them goes
  for (size_t at = 0; at < text.size(); ++at) {
    const size_t length = SecretLength(text, at, secrets);
    if (length > 0 && at >= secret_end) out += kRedacted;
    secret_end = std::max(secret_end, at + length);
    if (at >= secret_end) out += text[at];
  }
  return out;
}

std::string_view CutUtf8(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
  return text.substr(0, bytes);
}

}  // namespace gc
