// measure.h: samples of one figure, and what the kernel knows of a process's CPU time and memory.
// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gc::bench {

// The value that a share of the samples does not exceed; they are sorted for it. 0 when there are none.
double Percentile(std::vector<double>* samples, double share);

// One figure over the rounds.
class Series {
 public:
  void Add(double value) { values_.push_back(value); }
  bool empty() const { return values_.empty(); }
  double median() const;
  double min() const;
  double max() const;

 private:
  std::vector<double> values_;
};

// CPU time of the process itself, ended threads included. 0 when it is gone.
int64_t OwnCpuNs(pid_t pid);
// The same with all its descendants, those that ended and were waited for included (these to 10 ms).
int64_t TreeCpuNs(pid_t pid);
// CPU time of this process's own ended children so far.
int64_t EndedChildrenCpuNs();

struct Memory {
  double pss_kb = 0;  // proportional: shared pages divided among their users
  double rss_kb = 0;
  double private_kb = 0;  // of RSS, what no other process has
};
Memory MemoryOf(const std::vector<pid_t>& pids);

// The child of that program, by the base name of its argv[0]; 0 when there is none.
pid_t ChildNamed(pid_t parent, std::string_view name);

}  // namespace gc::bench
