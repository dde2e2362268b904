// unary_phase.cc: throughput and CPU time of unary chats, through the gateway and through what it is compared with.
// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <fstream>
#include <functional>

#include "bench/answers.h"
#include "bench/load.h"
#include "bench/phases.h"
#include "bench/targets.h"

namespace gc::bench {
namespace {

constexpr int kRoundS = 2;
constexpr int kWarmUpS = 1;
constexpr int kCurlCalls = 10'000;
constexpr double kEnough = 2;  // times the proxy's throughput that the upstream has to give

// What one target did in the rounds.
struct Side {
  Series per_second;
  Series server_us;  // CPU per request
  Series handler_us;
  Series upstream_us;
  Series load_us;
  std::string error;
};

struct Round {
  double per_second = 0;
  double server_us = 0;
  double handler_us = 0;
};

// One round of wrk. `server` and `handler` may be 0; what belongs to the handler does not count as the server's.
Round Measure(const Run& run, const Target& target, pid_t server, pid_t handler, pid_t upstream, Side* side) {
  const auto cpu_ns = [](pid_t pid) { return static_cast<double>(pid == 0 ? 0 : TreeCpuNs(pid)); };
  const double server_before = cpu_ns(server);
  const double handler_before = cpu_ns(handler);
  const double upstream_before = cpu_ns(upstream);
  const Throughput done = Saturate(run.paths, target, kRoundS);
  if (!done.error.empty()) side->error = done.error;
  const double us_per_request = 1.0 / 1000.0 / done.requests;
  const double handler_ns = cpu_ns(handler) - handler_before;
  const Round round{done.per_second, (cpu_ns(server) - server_before - handler_ns) * us_per_request,
                    handler_ns * us_per_request};
  side->per_second.Add(round.per_second);
  side->server_us.Add(round.server_us);
  side->handler_us.Add(round.handler_us);
  side->upstream_us.Add((cpu_ns(upstream) - upstream_before) * us_per_request);
  side->load_us.Add(done.load_cpu_ns * us_per_request);
  return round;
}

// CPU time of a bare libcurl call, in microseconds; 0 when it failed.
double CurlLoopUs(const Run& run, int port) {
  const std::string body_file = run.paths.state + "/gemini-body.json";
  std::ofstream(body_file, std::ios::binary) << run.gemini_body;
  const test::RunResult result = RunProgram(
      {run.paths.Program("bench-curl-loop"), Loopback(port, kGeminiUnaryPath), body_file, std::to_string(kCurlCalls)});
  return result.code == 0 ? std::strtod(result.out.c_str(), nullptr) : 0;
}

void AddCpuRows(Report* report, const std::string& path, const Side& side, const std::string& server,
                const std::string& handler) {
  const std::string prefix = "CPU per request, " + path + ": ";
  if (!server.empty()) report->Add(prefix + server, "us", side.server_us, {}, side.error);
  if (!handler.empty()) report->Add(prefix + handler, "us", side.handler_us, {}, side.error);
  report->Add(prefix + "upstream", "us", side.upstream_us, {}, side.error);
  report->Add(prefix + "wrk", "us", side.load_us, {}, side.error);
}

}  // namespace

void MeasureUnary(Run* run) {
  const Nginx upstream = Nginx::Constant(run->paths);
  const Nginx proxy = Nginx::Proxy(run->paths, upstream.port());
  const Site gateway = Site::Gateway(run->paths, Loopback(upstream.port(), ""));
  const Site constant = Site::Constant(run->paths, run->answers_directory);
  const Target direct_target = GeminiTarget(upstream.port(), kGeminiUnaryPath, run->gemini_body);
  const Target proxy_target = GeminiTarget(proxy.port(), kGeminiUnaryPath, run->gemini_body);
  const Target gateway_target = ChatTarget(gateway.port(), kUnaryModel, IsStream::kNo);
  const Target constant_target = ChatTarget(constant.port(), kUnaryModel, IsStream::kNo);
  for (const Target& target : {direct_target, proxy_target, gateway_target, constant_target})
    Saturate(run->paths, target, kWarmUpS);

  Side direct_side;
  Side proxy_side;
  Side gateway_side;
  Side constant_side;
  Series throughput_ratio;
  Series cpu_ratio;
  Series curl_us;
  for (int i = 0; i < run->rounds; ++i) {
    Report::Progress("unary, round " + std::to_string(i + 1));
    Measure(*run, direct_target, 0, 0, upstream.pid(), &direct_side);
    const Round proxied = Measure(*run, proxy_target, proxy.pid(), 0, upstream.pid(), &proxy_side);
    const Round served =
        Measure(*run, gateway_target, gateway.server(), gateway.handler(), upstream.pid(), &gateway_side);
    const Round least =
        Measure(*run, constant_target, constant.server(), constant.handler(), upstream.pid(), &constant_side);
    const double curl = CurlLoopUs(*run, upstream.port());
    if (curl == 0) constant_side.error = "the curl loop failed";
    curl_us.Add(curl);
    throughput_ratio.Add(served.per_second / proxied.per_second);
    cpu_ratio.Add(served.handler_us / (least.handler_us + curl));
  }

  std::string ratio_error = gateway_side.error + proxy_side.error + direct_side.error;
  if (direct_side.per_second.median() < kEnough * proxy_side.per_second.median())
    ratio_error += "the upstream gives less than twice the proxy's throughput";
  Report& report = run->report;
  report.Add("Unary chat: throughput, gateway / nginx proxy", "", throughput_ratio, AtLeast(1.0 / 3), ratio_error);
  report.Add("Unary chat: handler CPU / (constant handler + libcurl)", "", cpu_ratio, AtMost(1.6),
             gateway_side.error + constant_side.error);
  report.Add("Throughput: upstream itself", "/s", direct_side.per_second, {}, direct_side.error);
  report.Add("Throughput: nginx proxy", "/s", proxy_side.per_second, {}, proxy_side.error);
  report.Add("Throughput: gateway", "/s", gateway_side.per_second, {}, gateway_side.error);
  report.Add("Throughput: constant handler", "/s", constant_side.per_second, {}, constant_side.error);
  AddCpuRows(&report, "gateway", gateway_side, "lighttpd", "handler");
  AddCpuRows(&report, "nginx proxy", proxy_side, "nginx", "");
  report.Add("CPU per request, constant handler: lighttpd", "us", constant_side.server_us, {}, constant_side.error);
  report.Add("CPU per request, constant handler: handler", "us", constant_side.handler_us, {}, constant_side.error);
  report.Add("CPU per request, libcurl loop", "us", curl_us, {}, constant_side.error);
}

void MeasureServers(Run* run) {
  const Nginx upstream = Nginx::Constant(run->paths);
  for (const std::string name : {"nginx", "apache"}) {
    Report::Progress("the gateway under " + name);
    const Site gateway = Site::Gateway(run->paths, Loopback(upstream.port(), ""), "", name);
    Side side;
    if (gateway.is_running()) {
      const Target target = ChatTarget(gateway.port(), kUnaryModel, IsStream::kNo);
      Saturate(run->paths, target, kWarmUpS);
      for (int i = 0; i < run->rounds; ++i)
        Measure(*run, target, gateway.server(), gateway.handler(), upstream.pid(), &side);
    } else {
      side.error = "does not start: see build/bench/gateway-" + name + "/out";
    }
    run->report.Add("Throughput: gateway under " + name, "/s", side.per_second, {}, side.error);
    AddCpuRows(&run->report, "under " + name, side, name, "handler");
  }
}

}  // namespace gc::bench
