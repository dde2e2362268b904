// http.h: the tests' HTTP client on libcurl: single calls, streams that can be closed in the middle, many at once.
// Paths go out as they are written (no "..", no re-encoding), without Expect, proxy or accept-encoding.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gc::test {

struct HttpCall {
  std::string url;
  std::string method = "GET";
  std::vector<std::string> headers;  // "Name: value"; "Name;" sends an empty one
  std::string body;                  // with Content-Type: application/json unless the headers say otherwise
  int64_t timeout_ms = 20'000;       // of the whole call
};

// A POST of JSON.
HttpCall Post(std::string url, std::string body, std::vector<std::string> headers = {});

struct HttpReply {
  int status = 0;                                            // 0 when no status line came
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order
  std::string body;
  std::string error;          // of the transport; empty when the answer is complete
  int64_t first_byte_us = 0;  // from the start of the call to the first byte of the answer
  int64_t total_us = 0;

  std::string_view Header(std::string_view name) const;  // the first of that name, or empty
};

HttpReply Do(const HttpCall& call);

enum class Next { kGoOn, kClose };
// Gives each piece of the body as it arrives; kClose closes the connection at once (error says so). The body of the
// reply holds what arrived.
HttpReply Stream(const HttpCall& call, const std::function<Next(std::string_view piece)>& on_piece);

struct SseEvent {
  std::string event;  // empty when the stream names none
  std::string data;   // lines joined by LF
};

// Cuts a stream into events; comments are counted, not given.
class SseSplitter {
 public:
  // The events that this piece completes.
  std::vector<SseEvent> Feed(std::string_view piece);
  int comments() const { return comments_; }
  // What is left without its empty line.
  const std::string& tail() const { return buffer_; }

 private:
  std::string buffer_;
  int comments_ = 0;
};

std::vector<SseEvent> SplitSse(std::string_view text);

struct StreamResult {
  int status = 0;
  std::string error;  // of the transport; empty when the stream ended properly
  std::vector<SseEvent> events;
  std::string tail;             // an unfinished event
  std::string body;             // of an answer that is not an event stream
  int64_t first_event_us = -1;  // from the start of RunStreams
  int64_t total_us = 0;

  // 200, a proper end and no unfinished event.
  bool complete() const { return status == 200 && error.empty() && tail.empty(); }
};

// Runs all calls at once in this thread. `on_event` (may be empty) hears of each event with the number of its call and
// may release doors of the fake or kill processes meanwhile. Raises the soft limit of open files.
std::vector<StreamResult> RunStreams(const std::vector<HttpCall>& calls,
                                     const std::function<void(size_t call, const SseEvent& event)>& on_event = {});

}  // namespace gc::test
