// config.cc: parses and checks configuration files and the environment.
// SPDX-License-Identifier: MIT
#include "base/config.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/host_patterns.h"

#ifndef GEMINI_CODE_SYSCONFDIR
#define GEMINI_CODE_SYSCONFDIR "/etc"
#endif

namespace gc {
namespace {

constexpr char kInstalledFile[] = GEMINI_CODE_SYSCONFDIR "/gemini-code/gemini-code.properties";

std::string_view Trim(std::string_view s) {
  const size_t begin = s.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return s.substr(begin, s.find_last_not_of(" \t\r") - begin + 1);
}

const ConfigKeyInfo* FindKey(std::string_view name) {
  for (const ConfigKeyInfo& info : ConfigKeys()) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

std::string RowName(const ConfigTableInfo& info, int number) {
  return std::string(info.name) + "." + std::to_string(number);
}

std::string RowText(const ConfigPatterns::Row& row) { return row.pattern.empty() ? "" : row.pattern + " " + row.value; }

std::string EnvironmentName(std::string_view name) {
  std::string out = "GEMINI_CODE_";
  for (const char c : name) out += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return out;
}

// A name, an IPv4 address, or an IPv6 address in brackets.
bool IsHost(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    in6_addr v6{};
    return inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), &v6) == 1;
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  });
}

// 127.0.0.1.example.org is somebody else's: only a whole address counts.
bool IsLoopback(std::string_view host) {
  in_addr v4{};
  return host == "localhost" || host == "[::1]" ||
         (host.starts_with("127.") && inet_pton(AF_INET, std::string(host).c_str(), &v4) == 1);
}

// Empty when the value is a URL as kUrl wants it, else what is wrong.
std::string CheckUrl(std::string_view value) {
  const bool https = value.starts_with("https://");
  if (!https && !value.starts_with("http://")) return "must begin with https:// or http://";
  const std::string_view authority = value.substr(https ? 8 : 7);
  const size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  const std::string_view host = has_port ? authority.substr(0, colon) : authority;
  if (!IsHost(host)) return "must be scheme://host[:port] without a path";
  if (has_port) {
    unsigned port = 0;
    const std::string_view digits = authority.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port < 1 || port > 65535) {
      return "has no port between 1 and 65535 after the colon";
    }
  }
  if (!https && !IsLoopback(host)) return "may use http only for a loopback host (127.0.0.1, localhost, [::1])";
  return {};
}

bool IsChoice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const size_t bar = choices.find('|');
    if (choices.substr(0, bar) == value) return true;
    if (bar == std::string_view::npos) break;
    choices.remove_prefix(bar + 1);
  }
  return false;
}

// Empty when the value fits the key, else what is wrong. *number is what Config::Int and Switch will return.
std::string Check(const ConfigKeyInfo& info, std::string_view value, int64_t* number) {
  switch (info.type) {
    case ConfigType::kInteger: {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), *number);
      if (error != std::errc() || end != value.data() + value.size()) return "must be a whole number";
      if (*number >= info.min && *number <= info.max) return {};
      return "must lie between " + std::to_string(info.min) + " and " + std::to_string(info.max);
    }
    case ConfigType::kSwitch:
      *number = value == "on" ? 1 : 0;
      return value == "on" || value == "off" ? "" : "must be on or off";
    case ConfigType::kText:
      if (info.choices.empty() || IsChoice(info.choices, value)) return {};
      return "must be one of " + std::string(info.choices);
    case ConfigType::kUrl:
      return CheckUrl(value);
    case ConfigType::kHosts:
      return CheckHostPatterns(value);
  }
  return {};
}

std::vector<std::string> FragmentsBeside(const std::string& path) {
  std::vector<std::string> files;
  std::error_code none;
  const auto dir = std::filesystem::path(path).parent_path() / "conf.d";
  for (const auto& entry : std::filesystem::directory_iterator(dir, none)) {
    if (entry.path().extension() == ".properties") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string Join(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out.append(out.empty() ? "" : "\n").append(line);
  return out;
}

}  // namespace

Config Config::Defaults() {
  Config config;
  std::vector<std::string> errors;
  for (const ConfigKeyInfo& info : ConfigKeys()) config.Set(info, info.default_value, "default", &errors);
  for (const ConfigTableInfo& info : ConfigTables()) {
    for (const auto& row : info.defaults) {
      config.tables_[static_cast<size_t>(info.table)].Set(row.number, row.value, "default", info.check);
    }
  }
  return config;
}

Result<Config> Config::Load(const std::string& path) {
  Config config = Defaults();
  std::vector<std::string> errors;
  const char* named = std::getenv("GEMINI_CODE_CONF");
  std::string file = !path.empty() ? path : named != nullptr ? named : "";
  const bool is_explicit = !file.empty();
  if (!is_explicit) file = kInstalledFile;
  std::error_code none;
  if (std::filesystem::exists(file, none)) {
    config.path_ = file;
    config.ReadFile(file, &errors);
    for (const std::string& fragment : FragmentsBeside(file)) config.ReadFile(fragment, &errors);
  } else if (is_explicit) {
    errors.push_back(file + ": no such configuration file");
  }
  config.ReadEnvironment(&errors);
  if (!errors.empty()) return Error{ErrorKind::kConfig, Join(errors)};
  return config;
}

void Config::ReadFile(const std::string& path, std::vector<std::string>* errors) {
  std::ifstream in(path);
  if (!in) {
    errors->push_back(path + ": cannot be read");
    return;
  }
  for (Entry& entry : entries_) entry.set_in_file = false;  // twice in one file is a mistake, a fragment may override
  for (ConfigPatterns& table : tables_) table.StartFile();
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    ReadLine(line, path + ":" + std::to_string(number), errors);
  }
  if (in.bad()) errors->push_back(path + ": cannot be read");
}

void Config::ReadLine(std::string_view line, const std::string& where, std::vector<std::string>* errors) {
  line = Trim(line);
  if (line.empty() || line.front() == '#') return;
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) {
    errors->push_back(where + ": expected key = value");
    return;
  }
  const std::string_view name = Trim(line.substr(0, equals));
  if (ReadRow(name, Trim(line.substr(equals + 1)), where, errors)) return;
  const ConfigKeyInfo* info = FindKey(name);
  if (info == nullptr) {
    errors->push_back(where + ": unknown key " + std::string(name));
    return;
  }
  Entry& entry = entries_[static_cast<size_t>(info->key)];
  if (entry.set_in_file) {
    errors->push_back(where + ": duplicate key " + std::string(name) + ", first at " + entry.origin);
    return;
  }
  Set(*info, Trim(line.substr(equals + 1)), where, errors);
  entry.set_in_file = true;
}

bool Config::ReadRow(std::string_view name, std::string_view value, const std::string& where,
                     std::vector<std::string>* errors) {
  for (const ConfigTableInfo& info : ConfigTables()) {
    if (!name.starts_with(info.name) || name.substr(info.name.size()).substr(0, 1) != ".") continue;
    const auto number = ConfigPatterns::Number(name.substr(info.name.size() + 1));
    if (!number) return false;
    ConfigPatterns& table = tables_[static_cast<size_t>(info.table)];
    if (const ConfigPatterns::Row* row = table.SetInFile(*number)) {
      errors->push_back(where + ": duplicate key " + std::string(name) + ", first at " + row->origin);
    } else if (const std::string wrong = table.Set(*number, value, where, info.check); !wrong.empty()) {
      errors->push_back(where + ": " + std::string(name) + " " + wrong);
    } else {
      table.MarkSetInFile(*number);
    }
    return true;
  }
  return false;
}

void Config::ReadEnvironment(std::vector<std::string>* errors) {
  for (const ConfigKeyInfo& info : ConfigKeys()) {
    const char* value = std::getenv(EnvironmentName(info.name).c_str());
    if (value != nullptr) Set(info, value, "environment", errors);
  }
  for (const ConfigTableInfo& info : ConfigTables()) {
    const std::string prefix = EnvironmentName(info.name) + "_";
    for (char** at = environ; *at != nullptr; ++at) {
      const std::string_view variable(*at);
      const size_t equals = variable.find('=');
      if (!variable.starts_with(prefix) || equals == std::string_view::npos) continue;
      const auto number = ConfigPatterns::Number(variable.substr(prefix.size(), equals - prefix.size()));
      if (!number) continue;
      ConfigPatterns& table = tables_[static_cast<size_t>(info.table)];
      const std::string wrong = table.Set(*number, Trim(variable.substr(equals + 1)), "environment", info.check);
      if (!wrong.empty()) errors->push_back("environment: " + RowName(info, *number) + " " + wrong);
    }
  }
}

void Config::Set(const ConfigKeyInfo& info, std::string_view value, const std::string& origin,
                 std::vector<std::string>* errors) {
  const auto at = static_cast<size_t>(info.key);
  entries_[at].origin = origin;
  int64_t number = 0;
  if (const std::string wrong = Check(info, value, &number); !wrong.empty()) {
    errors->push_back(origin + ": " + std::string(info.name) + " " + wrong);
    return;
  }
  entries_[at].value = value;
  integers_[at] = number;
}

std::string Config::Show() const {
  std::string out;
  for (const ConfigKeyInfo& info : ConfigKeys()) {
    const std::string& value = Text(info.key);
    // A proxy may be written with its password.
    const size_t secret_end = info.key == ConfigKey::kUpstreamProxy ? value.rfind('@') : std::string::npos;
    const std::string shown = secret_end == std::string::npos ? value : "***" + value.substr(secret_end);
    out.append(info.name).append(" = ").append(shown).append("  # ").append(Origin(info.key)).append("\n");
  }
  for (const ConfigTableInfo& info : ConfigTables()) {
    for (const auto& [number, row] : Patterns(info.table).rows()) {
      out.append(RowName(info, number)).append(" = ").append(RowText(row)).append("  # ").append(row.origin) += "\n";
    }
  }
  return out;
}

std::string Config::ToFile() const {
  std::string out;
  for (const ConfigKeyInfo& info : ConfigKeys()) {
    out.append(info.name).append(" = ").append(Text(info.key)).append("\n");
  }
  for (const ConfigTableInfo& info : ConfigTables()) {
    for (const auto& [number, row] : Patterns(info.table).rows()) {
      out.append(RowName(info, number)).append(" = ").append(RowText(row)).append("\n");
    }
  }
  return out;
}

namespace {

// As comment lines.
void AppendHelp(std::string_view help, std::string* out) {
  std::string line = "#";
  while (!help.empty()) {
    const std::string_view word = help.substr(0, help.find(' '));
    help.remove_prefix(std::min(help.size(), word.size() + 1));
    if (line.size() + word.size() + 1 > 110) {
      *out += line + "\n";
      line = "#";
    }
    line.append(" ").append(word);
  }
  *out += line + "\n";
}

}  // namespace

std::string SampleConfig() {
  std::string out =
      "# gemini-code.properties: every key with its default, commented out. Uncomment a line to change it.\n"
      "# `key = value`, one per line; a line that begins with # is a comment; an unknown or repeated key is an error.\n"
      "# Files conf.d/*.properties beside this one are read after it, then the environment: GEMINI_CODE_ and the key\n"
      "# in upper case with _ for `.`. Check with: gemini-code.fcgi -t -c FILE\n";
  for (const ConfigKeyInfo& info : ConfigKeys()) {
    out += "\n";
    AppendHelp(info.help, &out);
    if (info.type == ConfigType::kInteger) {
      out += "# Between " + std::to_string(info.min) + " and " + std::to_string(info.max) + ".\n";
    }
    if (info.type == ConfigType::kSwitch) out += "# on or off.\n";
    if (!info.choices.empty()) out += "# One of " + std::string(info.choices) + ".\n";
    out.append("#").append(info.name).append(" =").append(info.default_value.empty() ? "" : " ");
    out.append(info.default_value).append("\n");
  }
  for (const ConfigTableInfo& info : ConfigTables()) {
    out += "\n";
    AppendHelp(info.help, &out);
    for (const auto& row : info.defaults) out.append("#" + RowName(info, row.number) + " = ").append(row.value) += "\n";
  }
  return out;
}

}  // namespace gc
