// sse.h: server-sent events, read at any split of the bytes, and written.
// Source: WHATWG HTML, section "Server-sent events".
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gc {

// Cuts a byte stream into the data of its events. One per stream; not thread-safe.
// Lines end in LF, CR or CRLF; several data lines join with LF; comments, other fields and a BOM at the start are
// dropped.
class SseReader {
 public:
  // max_event_bytes bounds one event's data together with its unfinished line.
  explicit SseReader(size_t max_event_bytes) : max_event_bytes_(max_event_bytes) {}

  // Takes the next bytes; calls on_event(std::string data) for each event they complete, in order.
  // on_event returns false to stop: the rest of the bytes is dropped. Errors: kTooLarge.
  template <class OnEvent>
  Status Feed(std::string_view bytes, OnEvent&& on_event) {
    while (!bytes.empty()) {
      bool event_complete = false;
      const Status status = Advance(&bytes, &event_complete);
      if (!status.ok()) return status;
      if (event_complete && !on_event(TakeData())) return {};
    }
    return {};
  }

  // The data of an event that the end of the stream left without its empty line; empty when there is none.
  // WHATWG drops such an event; a JSON frame that is complete is still worth reading (the caller parses it).
  std::string TakeUnterminated();

 private:
  // Consumes bytes up to the end of one line or of the input.
  Status Advance(std::string_view* bytes, bool* event_complete);
  bool EndLine();
  std::string TakeData();

  size_t max_event_bytes_;
  std::string line_;
  std::string data_;
  bool has_data_ = false;
  bool at_start_ = true;
  bool skip_lf_ = false;  // the last line ended in CR: a following LF belongs to it
};

// Appends `data: {data}\n\n`. REQUIRES: no CR or LF in data (compact JSON has none).
void AppendSseData(std::string_view data, std::string* out);
// Appends `event: {event}\ndata: {data}\n\n`.
void AppendSseEvent(std::string_view event, std::string_view data, std::string* out);

// A comment that is an event of its own: keeps connections awake, and carries the headers through servers that hold
// them until the first body byte.
inline constexpr std::string_view kSseComment = ": keepalive\n\n";

}  // namespace gc
