// media.h: images, sound and documents inside a client's request, or at a URL in it, in the form that Gemini's
// inlineData wants.
// Source: RFC 4648 (base64), RFC 2397 (data URLs), Gemini's list of types. Any thread.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "handler/api_error.h"

namespace gc {

struct Media {
  std::string mime_type;  // lower case, without parameters
  std::string data;       // base64, standard alphabet, padded
};

// Base64 in either alphabet, padded or not, line breaks inside, as standard base64 with padding. Nullopt when it is
// something else, or empty.
std::optional<std::string> NormalBase64(std::string_view text);
// "data:image/png;base64,…", with or without parameters. Nullopt when it is no such URL, or has no type.
std::optional<Media> ReadDataUrl(std::string_view url);
// False for types that Gemini refuses; unknown ones are left to it.
bool TakesMime(std::string_view mime_type);
std::string ToBase64(std::string_view bytes);

// What a client calls a file at a URL; its Content-Type must agree.
enum class MediaUse { kImage, kVideo, kFile };
// Empty when a file of that type, which may be empty, can be used so; else what is wrong.
std::string CheckMime(std::string_view mime_type, MediaUse use);

// Fetches what a request's URLs stand for. One per request, used by the request's thread; a URL is fetched once, also
// when the request is read again.
class MediaFetcher {
 public:
  virtual ~MediaFetcher() = default;
  // The error's message says what is wrong with the URL; the caller adds the field.
  virtual Result<Media, ApiError> Fetch(std::string_view url, MediaUse use) = 0;
};

// With a null fetcher, the error that this gateway fetches nothing.
Result<Media, ApiError> FetchMedia(MediaFetcher* fetcher, std::string_view url, MediaUse use);

}  // namespace gc
