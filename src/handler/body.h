// body.h: reads a request body to its end, with a limit: the same rules for every mount.
// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <optional>
#include <string>

#include "handler/api_error.h"
#include "handler/http.h"

namespace gc {

// read(char* buffer, size_t size) returns the bytes read, 0 at the end, -1 when the body was cut. The body is always
// read to its end, over the limit without keeping it: a plain CGI answer would be lost otherwise, and a FastCGI
// connection with unread bytes looks like one whose client left.
template <class Read>
std::optional<ApiError> ReadBody(size_t max_bytes, HttpRequest* request, Read&& read) {
  const std::string_view declared = request->Header("content-length");
  size_t declared_bytes = 0;
  const auto [end, wrong] = std::from_chars(declared.data(), declared.data() + declared.size(), declared_bytes);
  const bool is_number = wrong == std::errc() && end == declared.data() + declared.size();
  if (declared_bytes <= max_bytes) request->body.reserve(declared_bytes);
  size_t total = 0;
  for (;;) {
    char buffer[16384];
    const long n = read(buffer, sizeof buffer);
    if (n < 0) return ApiError{ApiErrorKind::kInvalidRequest, "The request body was cut", "", 0};
    if (n == 0) break;
    total += static_cast<size_t>(n);
    if (total <= max_bytes) request->body.append(buffer, static_cast<size_t>(n));
  }
  if (total > max_bytes) {
    request->body.clear();
    return ApiError{ApiErrorKind::kTooLarge,
                    "The request body is over " + std::to_string(max_bytes) + " bytes (request.max_body_bytes)", "", 0};
  }
  if (!declared.empty() && (!is_number || total != declared_bytes)) {
    return ApiError{ApiErrorKind::kInvalidRequest, "The request body is shorter or longer than its Content-Length", "",
                    0};
  }
  if (const std::string_view encoding = request->Header("content-encoding");
      !encoding.empty() && encoding != "identity") {
    return ApiError{ApiErrorKind::kUnsupportedMediaType,
                    "Content-Encoding " + std::string(encoding) + " is not supported: send the body uncompressed", "",
                    0};
  }
  return std::nullopt;
}

}  // namespace gc
