// config_patterns.h: tables of patterns in the configuration: `NAME.N = PATTERN VALUE`. The row with the lowest N whose
// pattern matches counts. N may leave gaps; an empty right side takes a row out, also one that is there by default.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gc {

// Every table there is. config_keys.cc holds one row for each, in this order.
enum class ConfigTable { kModelsAlias, kQuotaLimits, kCount_ };

// What may stand on the right side: empty when the value is fine, else what it must be.
using PatternCheck = std::string (*)(std::string_view value);
std::string CheckName(std::string_view value);    // a name of letters, digits, '.', '_' and '-'
std::string CheckLimits(std::string_view value);  // as ReadLimits reads it

// "rpm=5,tpm=250000,rpd=100": each once at most, at least one, each at least 1.
struct QuotaRow {
  std::optional<int64_t> rpm;  // requests a minute
  std::optional<int64_t> tpm;  // input tokens a minute
  std::optional<int64_t> rpd;  // requests a day
};
std::optional<QuotaRow> ReadLimits(std::string_view value);

struct ConfigTableInfo {
  struct Default {
    int number;
    std::string_view value;
  };
  ConfigTable table;
  std::string_view name;  // as in the file, without .N
  std::span<const Default> defaults;
  PatternCheck check;
  std::string_view help;
};

std::span<const ConfigTableInfo> ConfigTables();

// One table; immutable once the configuration is loaded.
class ConfigPatterns {
 public:
  struct Row {
    std::string pattern;  // '*' stands for any run of characters; empty: taken out
    std::string value;
    std::string origin;
    bool set_in_file = false;
  };

  static constexpr int kMaxNumber = 9999;
  // The number that a key of this table ends in: 1 to kMaxNumber, without leading zeros.
  static std::optional<int> Number(std::string_view digits);

  // Empty when the row was set, else what is wrong with the value.
  std::string Set(int number, std::string_view value, const std::string& origin, PatternCheck check = CheckName);
  // The row when the file that is being read has set it, else nullptr.
  const Row* SetInFile(int number) const;
  void MarkSetInFile(int number) { rows_[number].set_in_file = true; }
  void StartFile();

  const std::map<int, Row>& rows() const { return rows_; }
  // The value of the row that counts for this text; empty when none matches.
  std::string_view ValueFor(std::string_view text) const;

 private:
  std::map<int, Row> rows_;
};

// Whether the pattern covers the whole text.
bool MatchesPattern(std::string_view pattern, std::string_view text);

}  // namespace gc
