// request_scan.h: reads request_logs in order of seq, from a watermark on: what the roll-ups are made of.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "store/connection.h"

namespace gc::store {

// What the roll-ups need of one row. NULL reads as 0 or empty. The texts live until the next Next.
struct ScannedRequest {
  int64_t seq = 0;
  int64_t timestamp_unix_s = 0;
  std::string_view client_type;
  std::string_view api_key_hash;
  std::string_view model;
  std::string_view endpoint;
  std::string_view error_type;
  int64_t response_time_ms = 0;
  int64_t status_code = 0;
  std::optional<int64_t> first_token_ms;
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t total_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t thoughts_tokens = 0;
  int64_t request_size = 0;
  int64_t response_size = 0;
  int64_t attempts = 0;
  bool is_stream = false;
  bool has_error = false;
};

// Used by one thread. Holds a read transaction while it lives: not for long.
class RequestScan {
 public:
  // The rows with seq > after_seq, by seq. The connection outlives it.
  static Result<RequestScan> Open(Connection& connection, int64_t after_seq);

  // False: there are no more.
  Result<bool> Next(ScannedRequest* row);

 private:
  explicit RequestScan(Statement statement) : statement_(std::move(statement)) {}

  Statement statement_;
};

}  // namespace gc::store
