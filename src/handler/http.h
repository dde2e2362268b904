// http.h: one HTTP request as every mount delivers it, and the way back to the client.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gc {

// Names in lower case with '-', as on the wire; values untouched.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string id;      // UUIDv7; goes out as x-request-id and is the log row's id
  std::string method;  // upper case
  std::string path;    // from REQUEST_URI: percent-decoded once, begins with '/', no empty, "." or ".." segment
  std::string query;   // raw, without '?'
  HttpHeaders headers;
  std::string body;
  std::string remote_addr;
  int64_t received_unix_ms = 0;       // wall clock
  int64_t received_monotonic_us = 0;  // for durations

  // First value of that header (lower case name); empty when absent.
  std::string_view Header(std::string_view name) const {
    for (const auto& [n, v] : headers) {
      if (n == name) return v;
    }
    return {};
  }
};

struct ApiError;

// Fills method, path, query, headers and remote_addr from CGI variables ("NAME=value", ending in nullptr).
// Routing uses REQUEST_URI alone: SCRIPT_NAME and PATH_INFO differ from server to server.
// Returns the refusal that the request deserves: a URI that is malformed or not in normal form, or a header that occurs
// twice (lighttpd delivers x-api-key and X_Api_Key under one name: none of them can be trusted).
std::optional<ApiError> ReadCgiHead(const char* const* variables, HttpRequest* request);

// Percent-decodes; nullopt on a malformed or NUL escape. '+' stays.
std::optional<std::string> PercentDecode(std::string_view text);
// For one value in a query: all but unreserved bytes escaped (RFC 3986).
std::string PercentEncode(std::string_view text);

// The head of an answer in CGI form: a Status line, the headers, an empty line. CR and LF in values become blanks.
std::string CgiHead(int status, const HttpHeaders& headers);

// Where the answer goes. One per request, used by the request's thread only.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  // Status line and headers, once, before any Write. Buffered until Flush or the end.
  virtual void Start(int status, const HttpHeaders& headers) = 0;
  // Body bytes; buffered. False when the client is gone (every later call is then false as well).
  virtual bool Write(std::string_view bytes) = 0;
  // Sends what is buffered. False when the client is gone.
  virtual bool Flush() = 0;
  // Sends what is buffered and ends the answer, in one piece where the mount can. False when the client is gone.
  // Nothing may be written after it.
  virtual bool Finish() { return Flush(); }
  // Gives the answer up: where the mount can, the client sees that it was cut. Nothing may be written after it.
  virtual void Abort() = 0;
  // A file descriptor that becomes readable when the client leaves, or -1 where the mount cannot tell.
  virtual int WatchFd() const = 0;
  // True when WatchFd's readiness means that the client left. Does not block.
  virtual bool ClientGone() = 0;
  // Body bytes handed to Write so far.
  virtual int64_t bytes_written() const = 0;
};

}  // namespace gc
