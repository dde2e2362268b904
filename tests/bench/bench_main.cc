// bench_main.cc: `make bench`: runs the phases, prints the table, writes bench.json. Run from the repository's root.
// Usage: bench [--rounds N] [--rows N] [PHASE]...; without phases, all. Environment: BUILD (directory of the programs).
// Exits with 1 when a bound is not met or its row is void, with 2 when nothing can be measured.
// SPDX-License-Identifier: MIT
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "bench/pace.h"
#include "bench/phases.h"
#include "bench/targets.h"

namespace gc::bench {

// Both kinds of answer go through the gateway once, to an upstream that keeps what it was asked.
void Record(Run* run) {
  const SseServer sse(run->paths);
  const Site gateway = Site::Gateway(run->paths, sse.Url(""));
  const std::vector<std::string> key = {std::string("Authorization: Bearer ") + kKey};
  run->answers_directory = run->paths.NewDirectory("answers");
  const auto record = [&](const std::string& model, IsStream is_stream, const std::string& name) {
    const test::HttpReply reply = test::Do(test::Post(gateway.Url(kChatPath), ChatBody(model, is_stream), key));
    if (reply.status != 200) Fatal("the gateway does not answer: " + reply.error + reply.body);
    std::ofstream(run->answers_directory + "/" + name, std::ios::binary) << reply.body;
  };
  record(PacedModel(1, 0), IsStream::kYes, "stream");
  record(kUnaryModel, IsStream::kNo, "unary");
  run->gemini_body = Get(sse.Url("/recorded")).body;
}

}  // namespace gc::bench

namespace {

using gc::bench::Run;

struct Phase {
  const char* name;
  void (*measure)(Run*);
};
constexpr Phase kPhases[] = {
    {"unary", gc::bench::MeasureUnary},       {"pool", gc::bench::MeasurePool},
    {"latency", gc::bench::MeasureLatency},   {"streams", gc::bench::MeasureStreams},
    {"memory", gc::bench::MeasureMemory},     {"cgi", gc::bench::MeasureCgi},
    {"servers", gc::bench::MeasureServers},   {"aggregate", gc::bench::MeasureAggregate},
    {"backup", gc::bench::MeasureBackup},     {"prune", gc::bench::MeasurePrune},
    {"together", gc::bench::MeasureTogether},
};

void RaiseOpenFiles() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

// False for arguments that are none.
bool ReadArguments(int argc, char** argv, Run* run, std::vector<Phase>* chosen) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--rounds" && i + 1 < argc) {
      run->rounds = std::atoi(argv[++i]);
      continue;
    }
    if (argument == "--rows" && i + 1 < argc) {
      run->log_rows = std::atoll(argv[++i]);
      continue;
    }
    const auto* const phase =
        std::find_if(std::begin(kPhases), std::end(kPhases), [&](const Phase& p) { return p.name == argument; });
    if (phase == std::end(kPhases)) return false;
    chosen->push_back(*phase);
  }
  if (chosen->empty()) chosen->assign(std::begin(kPhases), std::end(kPhases));
  return run->rounds > 0 && run->log_rows > 0;
}

}  // namespace

int main(int argc, char** argv) {
  Run run;
  std::vector<Phase> chosen;
  if (!ReadArguments(argc, argv, &run, &chosen)) {
    std::fputs(
        "usage: bench [--rounds N] [--rows N] "
        "[unary|pool|latency|streams|memory|cgi|servers|aggregate|backup|prune|together]...\n",
        stderr);
    return 64;
  }
  signal(SIGPIPE, SIG_IGN);
  RaiseOpenFiles();
  const char* build = std::getenv("BUILD");
  run.paths.build = std::filesystem::absolute(build == nullptr ? "build/plain" : build).string();
  run.paths.state = std::filesystem::absolute("build/bench").string();
  std::filesystem::create_directories(run.paths.state);

  gc::bench::Record(&run);
  for (const Phase& phase : chosen) phase.measure(&run);
  std::fputs(run.report.Table().c_str(), stdout);
  std::ofstream("build/bench.json") << run.report.Json();
  return run.report.AllMet() ? 0 : 1;
}
