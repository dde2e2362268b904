// media.cc: data URLs and base64 as clients write them.
// SPDX-License-Identifier: MIT
#include "handler/media.h"

#include <algorithm>
#include <array>

namespace gc {
namespace {

constexpr char kSkipped = ' ';   // line breaks and blanks
constexpr char kRefused = '\0';  // no base64

// What each byte becomes in the standard alphabet.
constexpr std::array<char, 256> MakeDigits() {
  std::array<char, 256> digits{};
  for (char c = 'A'; c <= 'Z'; ++c) digits[static_cast<unsigned char>(c)] = c;
  for (char c = 'a'; c <= 'z'; ++c) digits[static_cast<unsigned char>(c)] = c;
  for (char c = '0'; c <= '9'; ++c) digits[static_cast<unsigned char>(c)] = c;
  digits['+'] = digits['-'] = '+';
  digits['/'] = digits['_'] = '/';
  for (const unsigned char c : {' ', '\t', '\r', '\n'}) digits[c] = kSkipped;
  return digits;
}
constexpr std::array<char, 256> kDigits = MakeDigits();

std::string LowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out;
}

}  // namespace

std::optional<std::string> NormalBase64(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 3);
  const size_t end = text.find_last_not_of("= \t\r\n");
  for (const char c : text.substr(0, end == std::string_view::npos ? 0 : end + 1)) {
    const char digit = kDigits[static_cast<unsigned char>(c)];
    if (digit == kRefused) return std::nullopt;
    if (digit != kSkipped) out += digit;
  }
  if (out.empty() || out.size() % 4 == 1) return std::nullopt;
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

std::optional<Media> ReadDataUrl(std::string_view url) {
  constexpr std::string_view kScheme = "data:";
  if (LowerCase(url.substr(0, kScheme.size())) != kScheme) return std::nullopt;
  const size_t comma = url.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const std::string head = LowerCase(url.substr(kScheme.size(), comma - kScheme.size()));
  if (!head.ends_with(";base64")) return std::nullopt;
  auto data = NormalBase64(url.substr(comma + 1));
  std::string mime = head.substr(0, head.find(';'));
  if (!data || mime.find('/') == std::string::npos) return std::nullopt;
  return Media{std::move(mime), std::move(*data)};
}

bool TakesMime(std::string_view mime_type) { return mime_type != "image/gif" && mime_type != "image/svg+xml"; }

}  // namespace gc
