// load.h: two kinds of load: as much as a server takes (wrk), and a fixed number of requests per second.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/servers.h"

namespace gc::bench {

struct Target {
  int port = 0;
  std::string path;
  std::string key_header;  // "Name: value"
  std::string body;        // of a POST
};

struct Throughput {
  double requests = 0;
  double per_second = 0;
  double load_cpu_ns = 0;  // wrk's own
  std::string error;       // any answer that is not 200, any connection that failed
};
// 32 connections that always have a request open.
Throughput Saturate(const Paths& paths, const Target& target, int seconds);

struct Latencies {
  std::vector<double> us;  // one per request
  std::string error;
};
// `count` requests, `per_second` of them each second, whatever became of those before: each time counts from the moment
// at which its request was due, so that a stall shows in all requests that it held up. Until the answer is complete,
// or, when `marker` is not empty, until that text has arrived.
Latencies RunAtRate(const Target& target, int per_second, int count, const std::string& marker = {});

}  // namespace gc::bench
