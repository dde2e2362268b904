// fake_gemini_director.h: which script or canned answer a request gets.
// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "support/fake_gemini_script.h"

namespace gc::test::fake {

// A prepared answer, played instead of the fake's own to the first request that it fits.
struct Canned {
  std::string path;  // of the request; empty = any
  std::string key;   // the request's key ends with this; empty = any
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;                 // when there are no chunks
  std::vector<std::string> chunks;  // written one by one
  bool is_stream = false;
  Script script;
};

// Reads one object or an array of them: {"request":{"path","key"},"response":{"status","headers","body"|"text"|
// "sse":[…]|"raw_base64_chunks":[…]},"directive":"words"}; "request" and "directive" may be absent.
Result<std::vector<Canned>> ParseCanned(std::string json_text);

// Thread-safe.
class Director {
 public:
  // The script for a request whose text holds (or does not hold) a directive; counts times= and looks at for_key=.
  Result<Script> ScriptFor(std::string_view text, std::string_view key);
  // Applies to requests without a directive of their own; times -1 = until replaced. Empty words: no more.
  Status SetDirective(std::string words, int64_t times);
  void AddCanned(std::vector<Canned> answers);
  std::optional<Canned> TakeCanned(std::string_view path, std::string_view key);
  void Clear();

 private:
  std::mutex mutex_;
  std::string words_;
  int64_t words_left_ = -1;
  std::map<std::string, int64_t> used_;  // tag, or the words themselves -> requests so far
  std::deque<Canned> canned_;
};

}  // namespace gc::test::fake
