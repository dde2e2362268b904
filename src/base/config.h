// config.h: the only reader of gemini-code.properties: one table of keys drives parsing, the sample file, the manual
// page and --show-config.
// Syntax: `key = value`, one per line, `#` starts a comment line, no expansion, no continuation.
// Tables of patterns have rows `name.N = pattern value` (config_patterns.h).
// Order of precedence: environment GEMINI_CODE_<KEY>, conf.d/*.properties beside the file, the file, the default.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/config_patterns.h"
#include "base/result.h"

namespace gc {

// Every key there is. The table in config_keys.cc holds one row for each, in this order.
enum class ConfigKey {
  kUpstreamUrl,
  kUpstreamConnectTimeoutS,
  kUpstreamFirstByteTimeoutS,
  kUpstreamIdleTimeoutS,
  kUpstreamMaxResponseBytes,
  kUpstreamMaxIdleConnections,
  kUpstreamProxy,
  kUpstreamCaPath,
  kDatabasePath,
  kDatabaseStatePath,
  kSpoolDir,
  kSpoolMaxBytes,
  kMetricsMaxKeys,
  kBackupDir,
  kBackupKeepDaily,
  kBackupKeepWeekly,
  kBackupKeepMonthly,
  kSignaturesMaxRows,
  kSignaturesMaxBytes,
  kSignaturesTtlS,
  kRetentionRequestsDays,
  kRetentionErrorsDays,
  kRetentionStatsDays,
  kRetentionMaxBytes,
  kRetentionMaxRows,
  kSecretSaltFile,
  kLogFile,
  kLogLevel,
  kProcessMaster,
  kProcessDrainS,
  kWorkerProcesses,
  kWorkerThreads,
  kWorkerMaxRequests,
  kWorkerMaxAgeS,
  kRequestMaxBodyBytes,
  kRequestReadTimeoutS,
  kMediaHosts,
  kMediaMaxBytes,
  kMediaTimeoutS,
  kStreamKeepaliveS,
  kStreamWriteTimeoutS,
  kPoolMaxAttempts,
  kPoolMaxWaitS,
  kPoolWeightMinuteRequests,
  kPoolWeightMinuteTokens,
  kPoolWeightDayRequests,
  kQuotaLearnedTtlS,
  kHealthWindowS,
  kPrivacyIp,
  kCount_,
};

enum class ConfigType {
  kInteger,  // decimal, within [min, max]
  kSwitch,   // on | off
  kText,     // any text; `choices` limits it when not empty
  kUrl,      // http(s)://host[:port], no path; http only for a loopback host
  kHosts,    // a list as host_patterns.h has it; may be empty
};

struct ConfigKeyInfo {
  ConfigKey key;
  std::string_view name;  // as in the file
  ConfigType type;
  std::string_view default_value;
  int64_t min = 0;  // kInteger
  int64_t max = 0;
  std::string_view choices;  // kText: allowed values separated by '|', empty: free
  std::string_view help;     // one or two sentences, with the unit
};

// The table, in the enum's order.
std::span<const ConfigKeyInfo> ConfigKeys();

// Values of all keys, checked. Immutable after Load; any thread.
class Config {
 public:
  // Reads `path` and conf.d/*.properties beside it (in name order), then the environment. An empty path means
  // GEMINI_CODE_CONF, else the installed file. A missing explicit file is an error, a missing installed one is not.
  // Errors: kConfig, `file:line: what`; all errors of one load are joined with "\n".
  static Result<Config> Load(const std::string& path);
  // The defaults alone (plus nothing else): for tests and for programs that need no file.
  static Config Defaults();

  int64_t Int(ConfigKey key) const { return integers_[static_cast<size_t>(key)]; }
  bool Switch(ConfigKey key) const { return integers_[static_cast<size_t>(key)] != 0; }
  const std::string& Text(ConfigKey key) const { return entries_[static_cast<size_t>(key)].value; }
  // Where the value comes from: "default", "environment" or file:line.
  const std::string& Origin(ConfigKey key) const { return entries_[static_cast<size_t>(key)].origin; }
  const ConfigPatterns& Patterns(ConfigTable table) const { return tables_[static_cast<size_t>(table)]; }
  // The file that was read; empty when none.
  const std::string& path() const { return path_; }

  // `key = value  # origin` for each key and row: the text of --show-config.
  std::string Show() const;
  // A configuration file that gives these very values.
  std::string ToFile() const;

 private:
  struct Entry {
    std::string value;
    std::string origin;
    bool set_in_file = false;
  };
  static constexpr size_t kKeys = static_cast<size_t>(ConfigKey::kCount_);
  static constexpr size_t kTables = static_cast<size_t>(ConfigTable::kCount_);

  void ReadFile(const std::string& path, std::vector<std::string>* errors);
  void ReadLine(std::string_view line, const std::string& where, std::vector<std::string>* errors);
  // False when the name is not that of a row.
  bool ReadRow(std::string_view name, std::string_view value, const std::string& where,
               std::vector<std::string>* errors);
  void ReadEnvironment(std::vector<std::string>* errors);
  void Set(const ConfigKeyInfo& info, std::string_view value, const std::string& origin,
           std::vector<std::string>* errors);

  std::array<Entry, kKeys> entries_;
  std::array<int64_t, kKeys> integers_{};
  std::array<ConfigPatterns, kTables> tables_;
  std::string path_;
};

// The sample file: every key commented out with its default and help.
std::string SampleConfig();

}  // namespace gc
