// request_scan.cc: the SELECT over request_logs by rowid.
// SPDX-License-Identifier: MIT
#include "store/request_scan.h"

namespace gc::store {

Result<RequestScan> RequestScan::Open(Connection& connection, int64_t after_seq) {
  auto statement = connection.Prepare(
      "SELECT seq, timestamp, client_type, api_key_hash, model, endpoint, error_type, response_time, status_code,"
      " first_token_ms, input_tokens, output_tokens, total_tokens, cached_tokens, thoughts_tokens, request_size,"
      " response_size, attempts, is_stream, has_error FROM request_logs WHERE seq > ? ORDER BY seq");
  if (!statement) return statement.error();
  statement->BindInt(1, after_seq);
  return RequestScan(std::move(*statement));
}

Result<bool> RequestScan::Next(ScannedRequest* row) {
  const auto there = statement_.Step();
  if (!there || !*there) return there;
  const Statement& s = statement_;
  row->seq = s.Int(0);
  row->timestamp_unix_s = s.Int(1);
  row->client_type = s.Text(2);
  row->api_key_hash = s.Text(3);
  row->model = s.Text(4);
  row->endpoint = s.Text(5);
  row->error_type = s.Text(6);
  row->response_time_ms = s.Int(7);
  row->status_code = s.Int(8);
  row->first_token_ms = s.IsNull(9) ? std::nullopt : std::optional<int64_t>(s.Int(9));
  row->input_tokens = s.Int(10);
  row->output_tokens = s.Int(11);
  row->total_tokens = s.Int(12);
  row->cached_tokens = s.Int(13);
  row->thoughts_tokens = s.Int(14);
  row->request_size = s.Int(15);
  row->response_size = s.Int(16);
  row->attempts = s.Int(17);
  row->is_stream = s.Int(18) == 1;
  row->has_error = s.Int(19) == 1;
  return true;
}

}  // namespace gc::store
