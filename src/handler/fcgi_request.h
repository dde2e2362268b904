// fcgi_request.h: one FastCGI request through libfcgi: read it, answer it.
// SPDX-License-Identifier: MIT
#pragma once

#include <fcgiapp.h>

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/config.h"
#include "handler/api_error.h"
#include "handler/http.h"

namespace gc {

// Owns an accepted connection until it is destroyed, which ends the answer. One thread.
class FcgiRequest final : public ResponseSink {
 public:
  // Takes the connection and reads the request's variables; ok() is false when the peer sent no whole request.
  FcgiRequest(int connection_fd, const Config& config);
  ~FcgiRequest() override;
  FcgiRequest(const FcgiRequest&) = delete;
  FcgiRequest& operator=(const FcgiRequest&) = delete;

  bool ok() const { return ok_; }
  // Fills the request. Returns the refusal it deserves: see ReadCgiHead, and a body too large, cut or encoded.
  std::optional<ApiError> Read(Clock& clock, HttpRequest* out);

  void Start(int status, const HttpHeaders& headers) override;
  bool Write(std::string_view bytes) override;
  bool Flush() override;
  bool Finish() override;
  void Abort() override;
  int WatchFd() const override { return request_.ipcFd; }
  bool ClientGone() override;
  int64_t bytes_written() const override { return bytes_written_; }

 private:
  FCGX_Request request_{};
  const Config& config_;
  int64_t bytes_written_ = 0;
  bool ok_ = false;
  bool gone_ = false;
};

}  // namespace gc
