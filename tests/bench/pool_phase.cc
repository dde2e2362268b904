// pool_phase.cc: what a list of keys costs the handler: the same chat with 1, 5 and 20 keys.
// SPDX-License-Identifier: MIT
#include <array>

#include "bench/answers.h"
#include "bench/load.h"
#include "bench/measure.h"
#include "bench/phases.h"
#include "bench/targets.h"

namespace gc::bench {
namespace {

constexpr int kRoundS = 2;
constexpr int kWarmUpS = 1;
constexpr std::array<int, 3> kListSizes = {1, 5, 20};  // the first is what the others are compared with

Target TargetWithKeys(int port, int keys) {
  Target target = ChatTarget(port, kUnaryModel, IsStream::kNo);
  for (int i = 1; i < keys; ++i) target.key_header += "," + std::string(kKey) + std::to_string(i);
  return target;
}

// CPU of the handler for one request, in microseconds.
double HandlerUs(const Run& run, const Site& gateway, const Target& target, std::string* error) {
  const auto before = static_cast<double>(TreeCpuNs(gateway.handler()));
  const Throughput done = Saturate(run.paths, target, kRoundS);
  if (!done.error.empty()) *error = done.error;
  return (static_cast<double>(TreeCpuNs(gateway.handler())) - before) / 1000.0 / done.requests;
}

}  // namespace

void MeasurePool(Run* run) {
  const Nginx upstream = Nginx::Constant(run->paths);
  const Site gateway = Site::Gateway(run->paths, Loopback(upstream.port(), ""));
  std::array<Series, kListSizes.size()> cpu_us;
  std::array<Series, kListSizes.size()> ratio;
  std::array<std::string, kListSizes.size()> errors;
  for (const int keys : kListSizes) Saturate(run->paths, TargetWithKeys(gateway.port(), keys), kWarmUpS);
  for (int round = 0; round < run->rounds; ++round) {
    Report::Progress("key pool, round " + std::to_string(round + 1));
    double one_us = 0;
    for (size_t i = 0; i < kListSizes.size(); ++i) {
      const double us = HandlerUs(*run, gateway, TargetWithKeys(gateway.port(), kListSizes[i]), &errors[i]);
      if (i == 0) one_us = us;
      cpu_us[i].Add(us);
      ratio[i].Add(us / one_us);
    }
  }
  for (size_t i = 1; i < kListSizes.size(); ++i) {
    run->report.Add("Key pool: handler CPU, " + std::to_string(kListSizes[i]) + " keys / 1 key", "", ratio[i], {},
                    errors[0] + errors[i]);
  }
  for (size_t i = 0; i < kListSizes.size(); ++i) {
    run->report.Add("CPU per request, handler, keys in the list: " + std::to_string(kListSizes[i]), "us", cpu_us[i], {},
                    errors[i]);
  }
}

}  // namespace gc::bench
