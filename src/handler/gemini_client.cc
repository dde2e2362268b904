// gemini_client.cc: builds the HTTP call to Gemini.
// SPDX-License-Identifier: MIT
#include "handler/gemini_client.h"

#include <string.h>

#include <vector>

namespace gc {
namespace {

HttpClientOptions Options(const Config& config) {
  HttpClientOptions options;
  options.connect_timeout_ms = config.Int(ConfigKey::kUpstreamConnectTimeoutS) * 1000;
  options.first_byte_timeout_ms = config.Int(ConfigKey::kUpstreamFirstByteTimeoutS) * 1000;
  options.idle_timeout_ms = config.Int(ConfigKey::kUpstreamIdleTimeoutS) * 1000;
  options.max_idle_connections = static_cast<size_t>(config.Int(ConfigKey::kUpstreamMaxIdleConnections));
  options.proxy = config.Text(ConfigKey::kUpstreamProxy);
  options.ca_path = config.Text(ConfigKey::kUpstreamCaPath);
  return options;
}

}  // namespace

GeminiClient::GeminiClient(const Config& config)
    : base_url_(config.Text(ConfigKey::kUpstreamUrl)), http_(Options(config)) {}

Status GeminiClient::Send(const std::string& key, std::span<const GeminiCall> calls,
                          std::span<HttpObserver* const> observers, int watch_fd, int64_t tick_ms) {
  std::vector<HttpCall> sent_calls;
  sent_calls.reserve(calls.size());  // a vector that grows would leave copies of the key behind
  for (const GeminiCall& call : calls) {
    HttpCall& http = sent_calls.emplace_back();
    http.method = call.method;
    http.url = base_url_ + call.target;
    http.headers = call.headers;
    http.headers.emplace_back("x-goog-api-key", key);
    http.body = call.body;
  }
  const Status status = http_.PerformAll(sent_calls, observers, watch_fd, tick_ms);
  for (HttpCall& http : sent_calls) {
    std::string& sent_key = http.headers.back().second;
    explicit_bzero(sent_key.data(), sent_key.size());
  }
  return status;
}

}  // namespace gc
