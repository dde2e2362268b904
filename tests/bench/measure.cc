// measure.cc: percentiles, CPU clocks of other processes, /proc.
// SPDX-License-Identifier: MIT
#include "bench/measure.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "bench/file.h"
#include "support/process.h"

namespace gc::bench {
namespace {

std::string ProcFile(pid_t pid, const char* name) { return WholeFile("/proc/" + std::to_string(pid) + "/" + name); }

// cutime and cstime of proc(5).
int64_t WaitedChildrenCpuNs(pid_t pid) {
  const std::string text = ProcFile(pid, "stat");
  const size_t after_name = text.rfind(')');
  if (after_name == std::string::npos) return 0;
  constexpr int kChildrenUserTime = 16;  // the field after the name is 3
  std::istringstream fields(text.substr(after_name + 1));
  std::string skipped;
  for (int i = 3; i < kChildrenUserTime; ++i) fields >> skipped;
  int64_t user = 0;
  int64_t system = 0;
  fields >> user >> system;
  return (user + system) * (1'000'000'000 / sysconf(_SC_CLK_TCK));
}

double KbAfter(const std::string& text, const std::string& name) {
  const size_t at = text.find("\n" + name + ":");
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + name.size() + 2, nullptr);
}

}  // namespace

double Percentile(std::vector<double>* samples, double share) {
  if (samples->empty()) return 0;
  std::sort(samples->begin(), samples->end());
  const double rank = std::ceil(share * static_cast<double>(samples->size()));
  return (*samples)[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

double Series::median() const {
  std::vector<double> sorted = values_;
  return Percentile(&sorted, 0.5);
}

double Series::min() const { return *std::min_element(values_.begin(), values_.end()); }

double Series::max() const { return *std::max_element(values_.begin(), values_.end()); }

int64_t OwnCpuNs(pid_t pid) {
  clockid_t clock{};
  timespec t{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) return 0;
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

int64_t TreeCpuNs(pid_t pid) {
  int64_t sum = OwnCpuNs(pid) + WaitedChildrenCpuNs(pid);
  for (const pid_t child : test::Children(pid)) sum += TreeCpuNs(child);
  return sum;
}

int64_t EndedChildrenCpuNs() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto ns = [](const timeval& t) { return int64_t{t.tv_sec} * 1'000'000'000 + int64_t{t.tv_usec} * 1000; };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

Memory MemoryOf(const std::vector<pid_t>& pids) {
  Memory sum;
  for (const pid_t pid : pids) {
    const std::string text = ProcFile(pid, "smaps_rollup");
    sum.pss_kb += KbAfter(text, "Pss");
    sum.rss_kb += KbAfter(text, "Rss");
    sum.private_kb += KbAfter(text, "Private_Clean") + KbAfter(text, "Private_Dirty");
  }
  return sum;
}

pid_t ChildNamed(pid_t parent, std::string_view name) {
  for (const pid_t child : test::Children(parent)) {
    const std::string command = ProcFile(child, "cmdline");
    const std::string_view program = std::string_view(command).substr(0, command.find('\0'));
    if (program.substr(program.rfind('/') + 1) == name) return child;
  }
  return 0;
}

}  // namespace gc::bench
