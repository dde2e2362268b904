// report.cc: the table, the JSON, and what is said of the machine.
// SPDX-License-Identifier: MIT
#include "bench/report.h"

#include <curl/curl.h>
#include <sqlite3.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/json.h"
#include "bench/file.h"
#include "bench/servers.h"

namespace gc::bench {
namespace {

// Three significant digits, no more than a benchmark can know.
std::string Number(double value) {
  char text[32];
  const double magnitude = std::fabs(value);
  std::snprintf(text, sizeof text, "%.*f", magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3, value);
  return text;
}

std::string Text(const Bound& bound, const std::string& unit) {
  return (bound.kind == Bound::Kind::kAtMost ? "at most " : "at least ") + Number(bound.value) +
         (unit.empty() ? "" : " " + unit);
}

std::string Verdict(const Row& row) {
  if (row.is_void()) return "void: " + (row.void_reason.empty() ? "no figure" : row.void_reason);
  if (!row.bound) return "";
  return row.is_met() ? "met" : "NOT MET";
}

std::string FirstLine(const std::vector<std::string>& argv) {
  const test::RunResult result = RunProgram(argv);
  const std::string& text = result.out.empty() ? result.err : result.out;  // nginx -v writes to standard error
  return text.substr(0, text.find('\n'));
}

std::string CpuModel() {
  const std::string text = WholeFile("/proc/cpuinfo");
  const size_t at = text.find("model name");
  if (at == std::string::npos) return "unknown";
  const size_t begin = text.find(": ", at) + 2;
  return text.substr(begin, text.find('\n', begin) - begin);
}

std::string Commit() {
  const std::string commit = FirstLine({"git", "rev-parse", "--short", "HEAD"});
  const bool is_changed = !FirstLine({"git", "status", "--porcelain", "--untracked-files=no"}).empty();
  return commit + (is_changed ? " and changes" : "");
}

std::string Date() {
  const time_t now = time(nullptr);
  tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &utc);
  return text;
}

using Facts = std::vector<std::pair<std::string, std::string>>;

Facts Machine() {
  utsname kernel{};
  uname(&kernel);
  return {{"cpu", CpuModel()},
          {"cores", std::to_string(sysconf(_SC_NPROCESSORS_ONLN))},
          {"kernel", kernel.release},
          {"lighttpd", FirstLine({"lighttpd", "-v"})},
          {"nginx", FirstLine({"nginx", "-v"})},
          {"sqlite", sqlite3_libversion()},
          {"libcurl", curl_version_info(CURLVERSION_NOW)->version},
          {"commit", Commit()},
          {"date", Date()}};
}

using Cells = std::array<std::string, 5>;

Cells CellsOf(const Row& row) {
  Cells cells{row.name, row.bound ? Text(*row.bound, row.unit) : "", "", "", Verdict(row)};
  if (row.series.empty()) return cells;
  cells[2] = Number(row.series.median()) + (row.unit.empty() ? "" : " " + row.unit);
  cells[3] = Number(row.series.min()) + " to " + Number(row.series.max());
  return cells;
}

}  // namespace

bool Row::is_met() const {
  if (!bound) return true;
  return bound->kind == Bound::Kind::kAtMost ? series.median() <= bound->value : series.median() >= bound->value;
}

void Report::Add(std::string name, std::string unit, Series series, std::optional<Bound> bound,
                 std::string void_reason) {
  rows_.push_back({std::move(name), std::move(unit), bound, std::move(series), std::move(void_reason)});
}

void Report::Progress(const std::string& what) { std::fprintf(stderr, "bench: %s\n", what.c_str()); }

bool Report::AllMet() const {
  return std::all_of(rows_.begin(), rows_.end(),
                     [](const Row& row) { return !row.bound || (!row.is_void() && row.is_met()); });
}

std::string Report::Table() const {
  std::vector<Cells> lines = {{"What", "Bound", "Median", "Min to max", "Result"}};
  for (const Row& row : rows_) lines.push_back(CellsOf(row));
  Cells rule;
  for (size_t column = 0; column < rule.size(); ++column) {
    size_t width = 0;
    for (const Cells& cells : lines) width = std::max(width, cells[column].size());
    for (Cells& cells : lines) cells[column].resize(width, ' ');
    rule[column].assign(width, '-');
  }
  lines.insert(lines.begin() + 1, rule);
  std::string out;
  for (const Cells& cells : lines) {
    for (const std::string& cell : cells) out += "| " + cell + " ";
    out += "|\n";
  }
  out += "\n";
  for (const auto& [name, value] : Machine()) out += "- " + name + ": " + value + "\n";
  return out;
}

std::string Report::Json() const {
  std::string out;
  json::Writer w(&out);
  w.BeginObject().Key("machine").BeginObject();
  for (const auto& [name, value] : Machine()) w.Key(name).String(value);
  w.EndObject().Key("rows").BeginArray();
  for (const Row& row : rows_) {
    w.BeginObject().Key("name").String(row.name).Key("unit").String(row.unit);
    if (row.bound) {
      w.Key(row.bound->kind == Bound::Kind::kAtMost ? "at_most" : "at_least").Double(row.bound->value);
    }
    if (!row.series.empty()) {
      w.Key("median").Double(row.series.median()).Key("min").Double(row.series.min());
      w.Key("max").Double(row.series.max());
    }
    if (row.is_void()) {
      w.Key("void").String(row.void_reason.empty() ? "no figure" : row.void_reason);
    } else if (row.bound) {
      w.Key("met").Bool(row.is_met());
    }
    w.EndObject();
  }
  w.EndArray().EndObject();
  return out + "\n";
}

}  // namespace gc::bench
