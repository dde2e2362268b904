// media.h: images, sound and documents inside a client's request, in the form that Gemini's inlineData wants.
// Source: RFC 4648 (base64), RFC 2397 (data URLs), Gemini's list of types. Any thread.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

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

}  // namespace gc
