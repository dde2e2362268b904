// worker.h: serves FastCGI requests on one listening socket with many threads.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "base/config.h"

namespace gc {

// How a worker talks with its master; both -1 without one (process.master = off).
struct MasterLink {
  int status_fd = -1;  // the worker writes kWorkerReady, later kWorkerSpent, at last kWorkerLeaving
  int life_fd = -1;    // the master writes lines; end of file: the master is dead
  bool exists() const { return life_fd >= 0; }
};

inline constexpr char kWorkerReady = 'r';    // serving
inline constexpr char kWorkerSpent = 's';    // has served its requests or its time: start another, then stop this one
inline constexpr char kWorkerLeaving = 'l';  // was told to stop, perhaps by somebody else: accepts no more
// Line from the master: `config_error TEXT`; an empty TEXT takes it back.
inline constexpr char kConfigErrorLine[] = "config_error ";
// Line from the master to one worker at a time: `heir PID`, with the process that started the master. Should the master
// die, its heir starts another one on the same socket.
inline constexpr char kHeirLine[] = "heir ";

struct WorkerStart {
  int listen_fd = -1;
  MasterLink link;
  long long master_started_unix_ms = 0;  // for /health; 0: no master
  std::string program;                   // absolute path, for an heir
  std::string config_path;               // as given with -c; empty: the usual search
};

// Runs until SIGTERM, SIGINT or the master's end, then lets running requests finish for process.drain_s.
// With process.master off: one thread, no recycling. Returns the exit code (sysexits.h).
int RunWorker(const Config& config, const WorkerStart& start);

}  // namespace gc
