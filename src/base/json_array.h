// json_array.h: cuts a JSON array that arrives in pieces into its elements (Gemini's stream form without alt=sse).
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gc {

// One per stream; not thread-safe. It finds where objects end, it does not check them: the caller parses each.
class JsonArrayReader {
 public:
  explicit JsonArrayReader(size_t max_element_bytes) : max_element_bytes_(max_element_bytes) {}

  // Takes the next bytes; calls on_element(std::string) for each object of the outer array that they complete.
  // Errors: kTooLarge.
  template <class OnElement>
  Status Feed(std::string_view bytes, OnElement&& on_element) {
    for (const char c : bytes) {
      const bool complete = Take(c);
      if (element_.size() > max_element_bytes_) {
        return Error{ErrorKind::kTooLarge, "element over " + std::to_string(max_element_bytes_) + " bytes"};
      }
      if (!complete) continue;
      on_element(std::move(element_));
      element_.clear();
    }
    return {};
  }

  // True once the outer array has ended.
  bool closed() const { return closed_; }

 private:
  // True when c completes an element.
  bool Take(char c) {
    if (depth_ == 0) {
      if (c == ']') closed_ = true;
      if (c != '{') return false;
    }
    element_ += c;
    if (in_string_) {
      in_string_ = escaped_ || c != '"';
      escaped_ = !escaped_ && c == '\\';
      return false;
    }
    if (c == '"') in_string_ = true;
    if (c == '{' || c == '[') ++depth_;
    if (c == '}' || c == ']') --depth_;
    return depth_ == 0;
  }

  size_t max_element_bytes_;
  std::string element_;
  int depth_ = 0;  // inside the current element
  bool in_string_ = false;
  bool escaped_ = false;
  bool closed_ = false;
};

}  // namespace gc
