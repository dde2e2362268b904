// sse.cc: line and event splitting for server-sent events.
// SPDX-License-Identifier: MIT
#include "base/sse.h"

#include <utility>

namespace gc {

Status SseReader::Advance(std::string_view* bytes, bool* event_complete) {
  if (skip_lf_) {
    skip_lf_ = false;
    if (bytes->front() == '\n') {
      bytes->remove_prefix(1);
      return {};
    }
  }
  const size_t end = bytes->find_first_of("\r\n");
  const std::string_view part = bytes->substr(0, end);
  if (line_.size() + part.size() + data_.size() > max_event_bytes_) {
    return Error{ErrorKind::kTooLarge, "event over " + std::to_string(max_event_bytes_) + " bytes"};
  }
  line_ += part;
  if (end == std::string_view::npos) {
    *bytes = {};
    return {};
  }
  skip_lf_ = (*bytes)[end] == '\r';
  bytes->remove_prefix(end + 1);
  *event_complete = EndLine();
  return {};
}

// True when the line was the empty one that ends an event with data.
bool SseReader::EndLine() {
  std::string_view line = line_;
  if (at_start_) {
    at_start_ = false;
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  }
  bool complete = false;
  if (line.empty()) {
    complete = has_data_;
  } else if (line.starts_with("data") && (line.size() == 4 || line[4] == ':')) {
    line.remove_prefix(line.size() == 4 ? 4 : 5);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (has_data_) data_ += '\n';
    data_ += line;
    has_data_ = true;
  }
  line_.clear();
  return complete;
}

std::string SseReader::TakeData() {
  has_data_ = false;
  return std::exchange(data_, {});
}

std::string SseReader::TakeUnterminated() {
  if (!line_.empty()) EndLine();
  return TakeData();
}

void AppendSseData(std::string_view data, std::string* out) { out->append("data: ").append(data).append("\n\n"); }

void AppendSseEvent(std::string_view event, std::string_view data, std::string* out) {
  out->append("event: ").append(event).append("\n");
  AppendSseData(data, out);
}

}  // namespace gc
