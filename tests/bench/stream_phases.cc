// stream_phases.cc: CPU time of a streamed event, and memory of open streams.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <optional>

#include "bench/pace.h"
#include "bench/phases.h"
#include "bench/targets.h"

namespace gc::bench {
namespace {

using test::HttpCall;
using test::SseEvent;
using test::StreamResult;

constexpr int kStreams = 100;
constexpr int kEvents = 40;
constexpr int64_t kIntervalUs = 50'000;

std::vector<HttpCall> Chats(const Site& site, const std::string& model, int count) {
  HttpCall call =
      test::Post(site.Url(kChatPath), ChatBody(model, IsStream::kYes), {std::string("Authorization: Bearer ") + kKey});
  call.timeout_ms = 60'000;
  return std::vector<HttpCall>(static_cast<size_t>(count), call);
}

bool IsUpstreamEvent(const SseEvent& event) { return event.data.find(kEventText) != std::string::npos; }

size_t Complete(const std::vector<StreamResult>& results) {
  return static_cast<size_t>(std::count_if(results.begin(), results.end(), [](const auto& r) { return r.complete(); }));
}

struct EventCost {
  double handler_us = 0;
  double server_us = 0;
  std::string error;
};

// CPU per event between the moment at which all streams run and the one at which the first of them ends: beginnings and
// ends of requests do not count.
EventCost CostOfEvents(const Site& site) {
  struct Snapshot {
    double handler_ns, server_ns, events;
  };
  std::vector<int> seen(kStreams);
  double events = 0;
  int started = 0;
  std::optional<Snapshot> begin;
  std::optional<Snapshot> end;
  const auto snapshot = [&] {
    return Snapshot{static_cast<double>(TreeCpuNs(site.handler())), static_cast<double>(OwnCpuNs(site.server())),
                    events};
  };
  const auto results =
      RunStreams(Chats(site, PacedModel(kEvents, kIntervalUs), kStreams), [&](size_t call, const SseEvent& event) {
        if (!IsUpstreamEvent(event)) return;
        ++events;
        if (++seen[call] == 2 && ++started == kStreams) begin = snapshot();
        if (begin && !end && seen[call] == kEvents - 1) end = snapshot();
      });
  EventCost cost;
  if (Complete(results) != kStreams || !end) {
    cost.error = "streams broke off";
    return cost;
  }
  const double counted = end->events - begin->events;
  cost.handler_us = (end->handler_ns - begin->handler_ns) / 1000.0 / counted;
  cost.server_us = (end->server_ns - begin->server_ns) / 1000.0 / counted;
  return cost;
}

// Memory while `count` streams are open that have all delivered an event.
struct OpenStreams {
  Memory worker;
  Memory server;
  size_t workers = 0;
  size_t complete = 0;
};

OpenStreams HoldStreams(const Site& site, const SseServer& sse, int count) {
  OpenStreams open;
  int waiting_for = count;
  const auto results = RunStreams(Chats(site, kHeldModel, count), [&](size_t, const SseEvent& event) {
    if (!IsUpstreamEvent(event) || --waiting_for != 0) return;
    open.workers = site.workers().size();
    open.worker = MemoryOf(site.workers());
    open.server = MemoryOf({site.server()});
    Get(sse.Url("/release"));
  });
  open.complete = Complete(results);
  return open;
}

constexpr std::array kStreamCounts = {100, 500, 1000};

struct Growth {
  std::array<Series, kStreamCounts.size()> pss_kb;  // per stream, over the worker before
  std::array<Series, kStreamCounts.size()> rss_kb;
  Series server_pss_kb;
  Series in_one_worker;  // of 1,000 streams, those that were whole
  std::string error;

  void Measure(const Site& site, const SseServer& sse) {
    const Memory worker_before = MemoryOf(site.workers());
    const Memory server_before = MemoryOf({site.server()});
    for (size_t i = 0; i < kStreamCounts.size(); ++i) {
      const int count = kStreamCounts[i];
      const OpenStreams open = HoldStreams(site, sse, count);
      if (open.workers != 1 || open.complete != static_cast<size_t>(count))
        error = std::to_string(open.complete) + " of " + std::to_string(count) + " streams were whole";
      pss_kb[i].Add((open.worker.pss_kb - worker_before.pss_kb) / count);
      rss_kb[i].Add((open.worker.rss_kb - worker_before.rss_kb) / count);
      if (count != kStreamCounts.back()) continue;
      in_one_worker.Add(open.workers == 1 ? static_cast<double>(open.complete) : 0);
      server_pss_kb.Add((open.server.pss_kb - server_before.pss_kb) / count);
    }
  }

  void Report(Report* report, const std::string& upstream, double bound_kb) const {
    for (size_t i = 0; i < kStreamCounts.size(); ++i) {
      const std::string count = std::to_string(kStreamCounts[i]) + " streams, upstream " + upstream;
      report->Add("Memory per open stream, " + count + ", PSS", "KiB", pss_kb[i], AtMost(bound_kb), error);
      report->Add("Memory per open stream, " + count + ", RSS", "KiB", rss_kb[i], AtMost(bound_kb), error);
    }
    report->Add("Streams at once in one worker, upstream " + upstream, "", in_one_worker, AtLeast(1000));
    report->Add("Memory per open stream in lighttpd, upstream " + upstream + ", PSS", "KiB", server_pss_kb);
  }
};

// One chat, so that everything that is loaded once is loaded.
void WarmUp(const Site& site) {
  const auto results = RunStreams(Chats(site, PacedModel(1, 0), 1));
  if (Complete(results) != 1) Fatal("the gateway serves no stream: " + results[0].error + results[0].body);
}

}  // namespace

void MeasureStreams(Run* run) {
  const SseServer sse(run->paths);
  const Site gateway = Site::Gateway(run->paths, sse.Url(""));
  const Site constant = Site::Constant(run->paths, run->answers_directory);
  CostOfEvents(gateway);
  CostOfEvents(constant);
  Series ratio;
  Series gateway_us;
  Series constant_us;
  Series server_us;
  std::string error;
  for (int i = 0; i < run->rounds; ++i) {
    Report::Progress("events, round " + std::to_string(i + 1));
    const EventCost ours = CostOfEvents(gateway);
    const EventCost least = CostOfEvents(constant);
    error = error.empty() ? ours.error + least.error : error;
    if (!error.empty()) continue;
    ratio.Add(ours.handler_us / least.handler_us);
    gateway_us.Add(ours.handler_us);
    constant_us.Add(least.handler_us);
    server_us.Add(ours.server_us);
  }
  Report& report = run->report;
  report.Add("Streamed event: handler CPU / constant handler", "", ratio, AtMost(2), error);
  report.Add("CPU per event: handler", "us", gateway_us, {}, error);
  report.Add("CPU per event: constant handler", "us", constant_us, {}, error);
  report.Add("CPU per event: lighttpd before the handler", "us", server_us, {}, error);
}

void MeasureMemory(Run* run) {
  const SseServer sse(run->paths);
  const Nginx tls = Nginx::Tls(run->paths, sse.port());
  Series idle_mib;
  Series idle_pss_mib;
  Series idle_rss_mib;
  Growth over_http;
  Growth over_tls;
  for (int i = 0; i < run->rounds; ++i) {
    Report::Progress("memory, round " + std::to_string(i + 1));
    {
      const Site gateway = Site::Gateway(run->paths, sse.Url(""));
      WarmUp(gateway);
      const Memory worker = MemoryOf(gateway.workers());
      const Memory master = MemoryOf({gateway.handler()});
      // What both have counts once; PSS alone would shrink with every other program that uses the same libraries.
      idle_mib.Add((worker.rss_kb + master.private_kb) / 1024);
      idle_pss_mib.Add((worker.pss_kb + master.pss_kb) / 1024);
      idle_rss_mib.Add((worker.rss_kb + master.rss_kb) / 1024);
      over_http.Measure(gateway, sse);
    }
    const Site gateway =
        Site::Gateway(run->paths, "https://127.0.0.1:" + std::to_string(tls.port()), run->paths.state + "/tls/ca");
    WarmUp(gateway);
    over_tls.Measure(gateway, sse);
  }
  run->report.Add("Memory idle, master + worker, shared pages once", "MiB", idle_mib, AtMost(15));
  run->report.Add("Memory idle, master + worker, PSS", "MiB", idle_pss_mib);
  run->report.Add("Memory idle, master + worker, RSS", "MiB", idle_rss_mib);
  over_http.Report(&run->report, "http", 100);
  over_tls.Report(&run->report, "https", 220);
}

}  // namespace gc::bench
