// config_patterns.h: tables of patterns in the configuration: `NAME.N = PATTERN VALUE`. The row with the lowest N whose
// pattern matches counts. N may leave gaps; an empty right side takes a row out, also one that is there by default.
// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gc {

// Every table there is. config_keys.cc holds one row for each, in this order.
enum class ConfigTable { kModelsAlias, kCount_ };

struct ConfigTableInfo {
  struct Default {
    int number;
    std::string_view value;
  };
  ConfigTable table;
  std::string_view name;  // as in the file, without .N
  std::span<const Default> defaults;
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
  std::string Set(int number, std::string_view value, const std::string& origin);
  // The row when the file that is being read has set it, else nullptr.
  const Row* SetInFile(int number) const;
  void MarkSetInFile(int number) { rows_[number].set_in_file = true; }
  void StartFile();

  const std::map<int, Row>& rows() const { return rows_; }

 private:
  std::map<int, Row> rows_;
};

// Whether the pattern covers the whole text.
bool MatchesPattern(std::string_view pattern, std::string_view text);

}  // namespace gc
