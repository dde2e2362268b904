// http_client.h: HTTP calls over warm connections; the only user of libcurl.
// A pool item is one multi handle with one easy handle: the multi owns the warm connection, and no lock is shared
// between running calls. Calls that run together share the first one's multi; the others connect anew. The pool is
// last-in first-out, so that the warmest connection goes out again.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace gc {

using HttpFields = std::vector<std::pair<std::string, std::string>>;  // names in lower case

struct HttpClientOptions {
  int64_t connect_timeout_ms = 5000;
  int64_t first_byte_timeout_ms = 120000;
  int64_t idle_timeout_ms = 60000;
  size_t max_idle_connections = 64;
  std::string proxy;    // as curl writes it; empty: none, and the environment is not asked
  std::string ca_path;  // directory of hashed certificates
};

struct HttpCall {
  std::string method;
  std::string url;
  HttpFields headers;
  std::string_view body;  // must live until Perform returns
  // "host:port:address[,address]": where the URL's host is, IPv6 in brackets. Empty: the system is asked.
  std::string resolved;
  int64_t total_timeout_ms = 0;  // for the whole call; 0: no limit
};

// Hears about one call, in the calling thread. Any method may return false to cancel the call.
class HttpObserver {
 public:
  virtual ~HttpObserver() = default;
  // The final status line and headers (interim 1xx answers are skipped).
  virtual bool OnHead(int status, const HttpFields& headers) = 0;
  // The next body bytes, as they come off the wire.
  virtual bool OnBody(std::string_view bytes) = 0;
  // While waiting: the watched descriptor became readable, or tick_ms passed since the last time, silent or not.
  virtual bool OnWait() = 0;
  // The answer is complete. False cancels the calls that still run beside this one.
  virtual bool OnEnd() { return true; }
};

class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Runs the call to its end. watch_fd (or -1) is polled beside the connection; tick_ms bounds each wait.
  // Ok: the answer is complete, whatever its status. Errors: kUnreachable (refused, no address, TLS), kTimeout,
  // kIo (the answer was cut or is no HTTP), kCancelled (the observer said so; the connection is closed at once),
  // kStopping (after Stop).
  // Redirects are not followed. Any thread.
  Status Perform(const HttpCall& call, HttpObserver* observer, int watch_fd, int64_t tick_ms);
  // Runs several calls at once in the calling thread, calls[i] for observers[i]; each has a connection of its own.
  // Ok: all answers are complete. Else the first error, and the other calls were cancelled at once. REQUIRES: a call.
  Status PerformAll(std::span<const HttpCall> calls, std::span<HttpObserver* const> observers, int watch_fd,
                    int64_t tick_ms);
  // Ends every call, running or to come, at once. Any thread.
  void Stop();

 private:
  class Item;
  class Exchange;
  class Loop;
  std::unique_ptr<Item> Take();
  void Return(std::unique_ptr<Item> item);

  struct Shared;
  HttpClientOptions options_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace gc
