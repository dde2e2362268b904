// media.cc: data URLs and base64 as clients write them; which types suit.
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

std::string ToBase64(std::string_view bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view group = bytes.substr(at, 3);
    unsigned bits = 0;
    for (size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0);
    for (size_t i = 0; i < 4; ++i) out += i <= group.size() ? kAlphabet[bits >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

std::string CheckMime(std::string_view mime_type, MediaUse use) {
  const std::string type(mime_type);
  if (type.empty()) return "has no Content-Type";
  if (!TakesMime(type)) return "is " + type + ", a type that Gemini does not take";
  switch (use) {
    case MediaUse::kImage:
      return type.starts_with("image/") ? "" : "is " + type + ", which is no image";
    case MediaUse::kVideo:
      return type.starts_with("video/") ? "" : "is " + type + ", which is no video";
    case MediaUse::kFile:
      return type != "application/octet-stream" ? "" : "is " + type + ", which says nothing of its type";
  }
  return {};
}

Result<Media, ApiError> FetchMedia(MediaFetcher* fetcher, std::string_view url, MediaUse use) {
  if (fetcher != nullptr) return fetcher->Fetch(url, use);
  return ApiError{ApiErrorKind::kInvalidImageUrl,
                  "this gateway fetches no URLs: send a data: URL or base64, or a file of the Gemini API", "", 0};
}

}  // namespace gc
