// master.h: the process that keeps the listening socket and replaces workers.
// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string>

#include "base/config.h"

namespace gc {

// Starts worker.processes workers and keeps that many serving until SIGTERM or SIGINT; SIGHUP reads the configuration
// again and replaces all workers. Returns the exit code (sysexits.h).
// program: the absolute path to start workers from; a binary renamed over it takes effect with the next worker.
// config_path: as given with -c; empty: the usual search.
// server_pid: for the heir of a master that died: stops when this process, the web server, ends, because it is not its
// child and would outlive it; 0: nobody is watched.
int RunMaster(Config config, const std::string& config_path, const std::string& program, int listen_fd,
              pid_t server_pid);

}  // namespace gc
