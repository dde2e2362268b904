// config_patterns.cc: reads rows of pattern tables, and matches patterns.
// SPDX-License-Identifier: MIT
#include "base/config_patterns.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace gc {

std::string CheckName(std::string_view value) {
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (std::all_of(value.begin(), value.end(), is_name)) return {};
  return "must end in a name of letters, digits, `.`, `_` and `-`";
}

std::string CheckLimits(std::string_view value) {
  return ReadLimits(value) ? "" : "must end in limits such as rpm=5,tpm=250000,rpd=100, each at least 1";
}

std::optional<QuotaRow> ReadLimits(std::string_view value) {
  QuotaRow row;
  for (;;) {
    const std::string_view pair = value.substr(0, value.find(','));
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    std::optional<int64_t>* limit = name == "rpm" ? &row.rpm : name == "tpm" ? &row.tpm : &row.rpd;
    const std::string_view digits = pair.substr(std::min(equals + 1, pair.size()));
    int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool whole = error == std::errc() && end == digits.data() + digits.size() && number >= 1;
    if (!whole || limit->has_value() || (limit == &row.rpd && name != "rpd")) return std::nullopt;
    *limit = number;
    if (pair.size() == value.size()) return row;
    value.remove_prefix(pair.size() + 1);
  }
}

std::string_view ConfigPatterns::ValueFor(std::string_view text) const {
  for (const auto& [number, row] : rows_) {
    if (!row.pattern.empty() && MatchesPattern(row.pattern, text)) return row.value;
  }
  return {};
}

std::optional<int> ConfigPatterns::Number(std::string_view digits) {
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!whole || digits.starts_with('0') || number < 1 || number > kMaxNumber) return std::nullopt;
  return number;
}

std::string ConfigPatterns::Set(int number, std::string_view value, const std::string& origin, PatternCheck check) {
  constexpr std::string_view kBlanks = " \t";
  Row row{.pattern = {}, .value = {}, .origin = origin};
  if (!value.empty()) {
    const size_t blank = value.find_first_of(kBlanks);
    const size_t second = value.find_first_not_of(kBlanks, std::min(blank, value.size()));
    if (second == std::string_view::npos || value.find_first_of(kBlanks, second) != std::string_view::npos) {
      return "must be a pattern and a value, separated by blanks, or empty";
    }
    row.pattern = value.substr(0, blank);
    row.value = value.substr(second);
    if (std::string wrong = check(row.value); !wrong.empty()) return wrong;
  }
  rows_[number] = std::move(row);
  return {};
}

const ConfigPatterns::Row* ConfigPatterns::SetInFile(int number) const {
  const auto found = rows_.find(number);
  return found == rows_.end() || !found->second.set_in_file ? nullptr : &found->second;
}

void ConfigPatterns::StartFile() {
  for (auto& [number, row] : rows_) row.set_in_file = false;
}

// Goes back to the last '*' seen: no recursion, and quick on names of a few dozen bytes.
bool MatchesPattern(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;
  size_t star_n = 0;
  while (n < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_n = n;
    } else if (p < pattern.size() && pattern[p] == text[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_n;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace gc
