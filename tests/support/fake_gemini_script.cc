// fake_gemini_script.cc: two tables of words, numbers and flags.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_script.h"

#include <algorithm>
#include <charconv>

namespace gc::test::fake {
namespace {

constexpr std::string_view kOpen = "[[fake:";
constexpr std::string_view kClose = "]]";

struct NumberWord {
  std::string_view name;
  int64_t Script::*member;
  std::optional<int64_t> alone;  // the value when the word stands without one
};

const NumberWord kNumbers[] = {
    {"times", &Script::times, {}},
    {"first_delay_ms", &Script::first_delay_ms, {}},
    {"delay_ms", &Script::delay_ms, {}},
    {"status", &Script::status, {}},
    {"retry_after", &Script::retry_after_s, {}},
    {"silent", &Script::silent, Script::kBeforeHead},
    {"reset", &Script::reset, Script::kBeforeHead},
    {"cut_after", &Script::cut_after, {}},
    {"cut_bytes", &Script::cut_bytes, {}},
    {"error_after", &Script::error_after, {}},
    {"bad_json", &Script::bad_json, 1},
    {"bad_utf8", &Script::bad_utf8, 1},
    {"split", &Script::split_bytes, {}},
    {"chunks", &Script::chunks, {}},
    {"big", &Script::big_bytes, {}},
    {"calls", &Script::calls, {}},
    {"cached", &Script::cached, {}},
};

struct FlagWord {
  std::string_view name;
  bool Script::*member;
};

const FlagWord kFlags[] = {
    {"drop", &Script::drop},
    {"html", &Script::html},
    {"leak_key", &Script::leak_key},
    {"until_close", &Script::until_close},
    {"bom", &Script::bom},
    {"comments", &Script::comments},
    {"thoughts", &Script::thoughts},
    {"empty", &Script::empty},
    {"no_usage", &Script::no_usage},
    {"eof_without_finish", &Script::eof_without_finish},
    {"lone_surrogate", &Script::lone_surrogate},
};

struct TextWord {
  std::string_view name;
  std::string Script::*member;
  std::string_view alone;
};

const TextWord kTexts[] = {
    {"tag", &Script::tag, ""},         {"for_key", &Script::for_key, ""}, {"error", &Script::error, ""},
    {"message", &Script::message, ""}, {"gzip", &Script::gzip, "on"},     {"eol", &Script::eol, ""},
    {"finish", &Script::finish, ""},   {"block", &Script::block, ""},
};

std::optional<int64_t> Number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

Error Wrong(std::string_view word) {
  return {ErrorKind::kInvalid, "fake directive not understood: " + std::string(word)};
}

// hold=NAME or hold=NAME@K; chunk_delay=K:MS; split=every. True when the word is one of these and well-formed.
bool ParseSpecial(std::string_view name, std::string_view value, Script* script) {
  if (name == "hold" && !value.empty()) {
    const size_t at = value.find('@');
    const auto point = at == std::string_view::npos ? Script::kBeforeHead : Number(value.substr(at + 1));
    if (point) script->holds.emplace_back(value.substr(0, at), *point);
    return point.has_value();
  }
  if (name == "chunk_delay") {
    const size_t colon = std::min(value.find(':'), value.size());
    const auto frame = Number(value.substr(0, colon));
    const auto ms = Number(value.substr(std::min(colon + 1, value.size())));
    if (frame && ms) script->chunk_delay = {*frame, *ms};
    return frame && ms;
  }
  if (name == "split" && value == "every") {
    script->split_bytes = 1;
    return true;
  }
  return false;
}

Status ParseWord(std::string_view word, Script* script) {
  const size_t eq = word.find('=');
  const std::string_view name = word.substr(0, eq);
  const bool alone = eq == std::string_view::npos;
  const std::string_view value = alone ? std::string_view() : word.substr(eq + 1);
  if (ParseSpecial(name, value, script)) return {};
  for (const NumberWord& n : kNumbers) {
    if (n.name != name) continue;
    const auto number = alone ? n.alone : Number(value);
    if (!number) return Wrong(word);
    script->*n.member = *number;
    return {};
  }
  for (const FlagWord& f : kFlags) {
    if (f.name != name || !alone) continue;
    script->*f.member = true;
    return {};
  }
  for (const TextWord& t : kTexts) {
    if (t.name != name) continue;
    if ((alone ? t.alone : value).empty()) return Wrong(word);
    script->*t.member = alone ? t.alone : value;
    return {};
  }
  return Wrong(word);
}

}  // namespace

bool Script::HoldsAt(int64_t point) const {
  return std::any_of(holds.begin(), holds.end(), [&](const auto& hold) { return hold.second == point; });
}

Result<Script> ParseScript(std::string_view words) {
  Script script;
  while (!words.empty()) {
    const size_t space = words.find_first_of(" \t\r\n");
    const std::string_view word = words.substr(0, space);
    words.remove_prefix(space == std::string_view::npos ? words.size() : space + 1);
    if (word.empty()) continue;
    if (const Status status = ParseWord(word, &script); !status.ok()) return status.error();
  }
  return script;
}

std::optional<std::string> FindDirective(std::string_view text) {
  const size_t open = text.rfind(kOpen);
  if (open == std::string_view::npos) return std::nullopt;
  const size_t begin = open + kOpen.size();
  const size_t close = text.find(kClose, begin);
  if (close == std::string_view::npos) return std::nullopt;
  return std::string(text.substr(begin, close - begin));
}

std::string WithoutDirectives(std::string_view text) {
  std::string out;
  for (;;) {
    const size_t open = text.find(kOpen);
    const size_t close = open == std::string_view::npos ? open : text.find(kClose, open);
    if (close == std::string_view::npos) break;
    out += text.substr(0, open);
    text.remove_prefix(close + kClose.size());
  }
  out += text;
  while (!out.empty() && (out.back() == ' ' || out.back() == '\n')) out.pop_back();
  while (!out.empty() && (out.front() == ' ' || out.front() == '\n')) out.erase(0, 1);
  return out;
}

}  // namespace gc::test::fake
