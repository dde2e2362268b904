// media_client.h: fetches the files that clients give by URL, from hosts that the operator allows and at public
// addresses only: the gateway stands inside somebody's network, and its clients do not.
// Source: OWASP's guide to server-side request forgery.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/config.h"
#include "base/http_client.h"
#include "handler/http.h"
#include "handler/media.h"
#include "handler/media_url.h"

namespace gc {

// For all requests of a process. Keeps no connection: one file is one connection, or one for each redirect.
class MediaClient {
 public:
  explicit MediaClient(const Config& config);

  // False: the operator allows no host.
  bool is_on() const { return !hosts_.empty(); }
  const Config& config() const { return config_; }

  struct Limits {
    MediaUse use = MediaUse::kFile;
    size_t max_bytes = 0;
    bool is_rest = false;     // max_bytes is what other files of the request left
    int64_t deadline_us = 0;  // monotonic
  };
  struct File {
    std::string mime_type;
    std::string bytes;
  };
  // Every redirect is checked as the URL is. Nothing of the client's request goes along. An error names neither
  // addresses nor where a redirect led. Any thread.
  Result<File, ApiError> Get(std::string_view url, const Limits& limits, ResponseSink* client);
  // As HttpClient::Stop.
  void Stop() { http_.Stop(); }

 private:
  class Download;
  Result<std::string, ApiError> ResolvePublic(const std::string& host, const Limits& limits, ResponseSink* client);
  ApiError TooLate() const;

  const Config& config_;
  const std::string& hosts_;
  HttpClient http_;
};

// For one request: its files, and its share of space and time.
class RequestMedia final : public MediaFetcher {
 public:
  RequestMedia(MediaClient& client, Clock& clock, ResponseSink& sink) : client_(client), clock_(clock), sink_(sink) {}

  Result<Media, ApiError> Fetch(std::string_view url, MediaUse use) override;

 private:
  MediaClient& client_;
  Clock& clock_;
  ResponseSink& sink_;
  std::map<std::string, Media, std::less<>> files_;  // by URL
  size_t base64_bytes_ = 0;                          // of all files
  int64_t deadline_us_ = 0;                          // 0: nothing was fetched yet
};

}  // namespace gc
