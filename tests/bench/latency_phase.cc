// latency_phase.cc: what the gateway adds to the time of an answer, and to the time of a stream's first event.
// SPDX-License-Identifier: MIT
#include "bench/load.h"
#include "bench/pace.h"
#include "bench/phases.h"
#include "bench/targets.h"

namespace gc::bench {
namespace {

constexpr int kPerSecond = 100;
constexpr int kRequests = 400;  // in a round: the p99 is the fourth worst

// Through the gateway minus direct, in milliseconds, from one round of each.
struct Added {
  Series p50_ms;
  Series p99_ms;
  Series direct_p99_ms;
  std::string error;

  void Measure(const Target& through, const Target& direct, const std::string& marker) {
    Latencies direct_times = RunAtRate(direct, kPerSecond, kRequests, marker);
    Latencies through_times = RunAtRate(through, kPerSecond, kRequests, marker);
    error = error.empty() ? direct_times.error + through_times.error : error;
    const auto difference_ms = [&](double share) {
      return (Percentile(&through_times.us, share) - Percentile(&direct_times.us, share)) / 1000.0;
    };
    p50_ms.Add(difference_ms(0.5));
    p99_ms.Add(difference_ms(0.99));
    direct_p99_ms.Add(Percentile(&direct_times.us, 0.99) / 1000.0);
  }
};

}  // namespace

void MeasureLatency(Run* run) {
  const Nginx upstream = Nginx::Constant(run->paths);
  const SseServer sse(run->paths);
  Added unary;
  Added first_event;
  const std::string model = PacedModel(3, 5000);
  {
    const Site gateway = Site::Gateway(run->paths, Loopback(upstream.port(), ""));
    const Target through = ChatTarget(gateway.port(), kUnaryModel, IsStream::kNo);
    const Target direct = GeminiTarget(upstream.port(), kGeminiUnaryPath, run->gemini_body);
    RunAtRate(through, kPerSecond, kPerSecond);
    for (int i = 0; i < run->rounds; ++i) {
      Report::Progress("latency, round " + std::to_string(i + 1));
      unary.Measure(through, direct, "");
    }
  }
  {
    const Site gateway = Site::Gateway(run->paths, sse.Url(""));
    const Target through = ChatTarget(gateway.port(), model, IsStream::kYes);
    const Target direct = GeminiTarget(sse.port(), GeminiStreamPath(model), run->gemini_body);
    RunAtRate(through, kPerSecond, kPerSecond, kEventText);
    for (int i = 0; i < run->rounds; ++i) {
      Report::Progress("first event, round " + std::to_string(i + 1));
      first_event.Measure(through, direct, kEventText);
    }
  }
  Report& report = run->report;
  report.Add("Added latency at 100 requests/s, p50", "ms", unary.p50_ms, AtMost(0.5), unary.error);
  report.Add("Added latency at 100 requests/s, p99", "ms", unary.p99_ms, AtMost(1), unary.error);
  report.Add("Added time to first event at 100 streams/s, p99", "ms", first_event.p99_ms, AtMost(0.5),
             first_event.error);
  report.Add("Added time to first event at 100 streams/s, p50", "ms", first_event.p50_ms, {}, first_event.error);
  report.Add("Direct: latency, p99", "ms", unary.direct_p99_ms, {}, unary.error);
  report.Add("Direct: time to first event, p99", "ms", first_event.direct_p99_ms, {}, first_event.error);
}

}  // namespace gc::bench
