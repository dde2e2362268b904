// gemini_client.h: sends requests to Gemini: the one place that knows its host and how a key travels.
// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/config.h"
#include "base/http_client.h"
#include "base/result.h"

namespace gc {

struct GeminiCall {
  std::string method;
  std::string target;     // path and query after the host, from validated parts; never with a credential
  std::string_view body;  // must live until Send returns
  HttpFields headers;     // content-type and what the caller's allow-list let through
};

class GeminiClient {
 public:
  explicit GeminiClient(const Config& config);

  // One call with this key, which travels in x-goog-api-key only. Errors as HttpClient::Perform's. Any thread.
  Status Send(const std::string& key, const GeminiCall& call, HttpObserver* observer, int watch_fd, int64_t tick_ms) {
    return Send(key, {&call, 1}, {&observer, 1}, watch_fd, tick_ms);
  }
  // Calls at the same time, as HttpClient::PerformAll.
  Status Send(const std::string& key, std::span<const GeminiCall> calls, std::span<HttpObserver* const> observers,
              int watch_fd, int64_t tick_ms);
  // As HttpClient::Stop.
  void Stop() { http_.Stop(); }

 private:
  std::string base_url_;
  HttpClient http_;
};

}  // namespace gc
