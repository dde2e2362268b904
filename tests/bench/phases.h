// phases.h: the parts of a run, each with its servers, rounds and rows. A round measures everything of its part once,
// one after the other, so that what slows the machine down for a while slows down both sides of a ratio.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "bench/report.h"
#include "bench/servers.h"

namespace gc::bench {

struct Run {
  Paths paths;
  int rounds = 5;
  int64_t log_rows = 1'000'000;  // of the log that jobs work on
  Report report;
  // What the gateway made of the benchmark's requests, recorded before anything is measured:
  std::string gemini_body;        // its request to Gemini
  std::string answers_directory;  // its answers, for the constant handler
};

void Record(Run* run);

void MeasureUnary(Run* run);
void MeasurePool(Run* run);
void MeasureServers(Run* run);
void MeasureLatency(Run* run);
void MeasureStreams(Run* run);
void MeasureMemory(Run* run);
void MeasureCgi(Run* run);
void MeasureAggregate(Run* run);
void MeasureBackup(Run* run);
void MeasurePrune(Run* run);
void MeasureTogether(Run* run);

}  // namespace gc::bench
