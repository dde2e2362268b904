// http.cc: turns CGI variables into an HttpRequest.
// SPDX-License-Identifier: MIT
#include "handler/http.h"

#include <algorithm>

#include "handler/api_error.h"

namespace gc {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// HTTP_X_API_KEY -> x-api-key
std::string HeaderName(std::string_view variable) {
  std::string name(variable);
  for (char& c : name) c = c == '_' ? '-' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return name;
}

// Splits REQUEST_URI: absolute form (Apache passes it on) and fragment (lighttpd and nginx do) are cut off.
void SplitUri(std::string_view uri, std::string_view* path, std::string_view* query) {
  uri = uri.substr(0, uri.find('#'));
  bool is_absolute = false;
  if (const size_t scheme = uri.find("://"); scheme != std::string_view::npos && scheme == uri.find_first_of(":/?")) {
    is_absolute = true;
    uri.remove_prefix(std::min(uri.size(), uri.find_first_of("/?", scheme + 3)));
  }
  const size_t mark = uri.find('?');
  *path = uri.substr(0, mark);
  if (is_absolute && path->empty()) *path = "/";
  *query = mark == std::string_view::npos ? std::string_view() : uri.substr(mark + 1);
}

bool IsNormalPath(std::string_view path) {
  if (!path.starts_with('/')) return false;
  path.remove_prefix(1);
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..") return false;
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
    if (path.empty()) return false;  // a trailing slash
  }
  return std::none_of(path.begin(), path.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

std::optional<ApiError> ReadUri(std::string_view uri, HttpRequest* request) {
  std::string_view path;
  std::string_view query;
  SplitUri(uri, &path, &query);
  request->query = query;
  const auto decoded = PercentDecode(path);
  request->path = decoded.value_or(std::string(path));
  if (!decoded || !IsNormalPath(*decoded)) {
    return ApiError{ApiErrorKind::kNotFound, "The path is not in normal form", "", 0};
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    const int value = high * 16 + low;
    if (high < 0 || low < 0 || value == 0) return std::nullopt;
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

std::string PercentEncode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

std::string CgiHead(int status, const HttpHeaders& headers) {
  std::string head = "Status: " + std::to_string(status) + "\r\n";
  for (const auto& [name, value] : headers) {
    head.append(name).append(": ");
    for (const char c : value) head += c == '\r' || c == '\n' ? ' ' : c;
    head += "\r\n";
  }
  return head += "\r\n";
}

std::optional<ApiError> ReadCgiHead(const char* const* variables, HttpRequest* request) {
  std::optional<ApiError> refusal;
  for (const char* const* at = variables; *at != nullptr; ++at) {
    const std::string_view variable(*at);
    const size_t equals = variable.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = variable.substr(0, equals);
    const std::string_view value = variable.substr(equals + 1);
    if (name == "REQUEST_METHOD") {
      request->method = value;
    } else if (name == "REQUEST_URI") {
      if (auto wrong = ReadUri(value, request)) refusal = std::move(wrong);
    } else if (name == "REMOTE_ADDR") {
      request->remote_addr = value;
    } else if ((name == "CONTENT_TYPE" || name == "CONTENT_LENGTH") && !value.empty()) {
      request->headers.emplace_back(HeaderName(name), value);
    } else if (name.starts_with("HTTP_") && name != "HTTP_CONTENT_LENGTH" && name != "HTTP_CONTENT_TYPE") {
      std::string header = HeaderName(name.substr(5));
      if (std::any_of(request->headers.begin(), request->headers.end(),
                      [&](const auto& other) { return other.first == header; })) {
        refusal = ApiError{ApiErrorKind::kInvalidRequest, "The header " + header + " occurs twice", "", 0};
      }
      request->headers.emplace_back(std::move(header), value);
    }
  }
  if (request->path.empty()) refusal = ApiError{ApiErrorKind::kNotFound, "The server passes no REQUEST_URI", "", 0};
  return refusal;
}

}  // namespace gc
