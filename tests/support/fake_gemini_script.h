// fake_gemini_script.h: the directive line by which a prompt tells the fake how to misbehave.
// The words are documented in fake_gemini.h.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace gc::test::fake {

struct Script {
  static constexpr int64_t kNever = -1;
  static constexpr int64_t kBeforeHead = -2;

  std::string tag;
  std::string for_key;
  int64_t times = kNever;
  // Before the status line.
  int64_t first_delay_ms = 0;
  bool drop = false;
  int64_t status = 0;
  std::string error;
  std::string message;
  bool html = false;
  bool leak_key = false;
  int64_t retry_after_s = kNever;
  // Points in the stream: the number of frames that were sent, or kBeforeHead.
  std::vector<std::pair<std::string, int64_t>> holds;
  int64_t silent = kNever;
  int64_t reset = kNever;
  int64_t cut_after = kNever;
  int64_t error_after = kNever;
  int64_t bad_json = kNever;
  int64_t bad_utf8 = kNever;
  std::pair<int64_t, int64_t> chunk_delay{kNever, 0};  // frame, ms
  int64_t delay_ms = 0;
  // The bytes.
  int64_t cut_bytes = kNever;
  int64_t split_bytes = 0;
  std::string gzip;  // empty, "on" (if the client accepts it), "force"
  bool until_close = false;
  bool bom = false;
  bool comments = false;
  std::string eol = "crlf";
  // The answer.
  int64_t chunks = 0;
  int64_t big_bytes = 0;
  int64_t calls = 1;
  int64_t cached = 0;
  bool thoughts = false;
  bool empty = false;
  bool no_usage = false;
  bool eof_without_finish = false;
  bool lone_surrogate = false;
  std::string finish;
  std::string block;

  bool HoldsAt(int64_t point) const;
};

// Takes the text between "[[fake:" and "]]". An unknown word is an error, so that no test misspells its fault away.
Result<Script> ParseScript(std::string_view words);
// The words of the last directive in a text; nullopt when there is none.
std::optional<std::string> FindDirective(std::string_view text);
// The text without its directives.
std::string WithoutDirectives(std::string_view text);

}  // namespace gc::test::fake
