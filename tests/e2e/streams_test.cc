// streams_test.cc: many streams in one worker, what they cost, and clients that leave.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>

#include "e2e/calls.h"

namespace gc::test {
namespace {

constexpr size_t kStreams = 252;  // with the spare ones, 256 threads

// What one request costs the worker; printed, and the switches judged: if all threads waited on the socket, each
// request would wake them all.
double SwitchesPerRequest(const Gateway& gateway, const char* label) {
  constexpr int kRequests = 1000;
  const pid_t worker = gateway.workers().at(0);
  const HttpCall call = Chat(gateway, "cost");
  const int64_t switches = VoluntarySwitches(worker);
  const int64_t ticks = CpuTicks(worker);
  for (int i = 0; i < kRequests; ++i) EXPECT_EQ(Do(call).status, 200);
  const double per_request = static_cast<double>(VoluntarySwitches(worker) - switches) / kRequests;
  std::printf("[ figures  ] %s: %d threads, %.0f us CPU and %.1f context switches per request\n", label,
              ThreadCount(worker), static_cast<double>(CpuTicks(worker) - ticks) * 1e6 / 100 / kRequests, per_request);
  return per_request;
}

TEST(Streams, ManyAtOnceArriveWholeAndNoHerdIsWoken) {
  Gateway gateway;
  const double few = SwitchesPerRequest(gateway, "few threads");
  const pid_t worker = gateway.workers().at(0);
  const int64_t idle_kb = RssKb(worker);

  // All are held after their first event, so that all are open at the same time.
  std::vector<HttpCall> calls(kStreams, Chat(gateway, "many [[fake: chunks=5 hold=all@1]]", Answer::kStream));
  size_t begun = 0;
  const auto results = RunStreams(calls, [&](size_t, const SseEvent& event) {
    if (event.data.find("echo") == std::string::npos || ++begun < kStreams) return;
    std::printf("[ figures  ] %zu open streams: %.0f KiB RSS each\n", kStreams,
                static_cast<double>(RssKb(worker) - idle_kb) / kStreams);
    gateway.fake().Release("all");
  });
  EXPECT_EQ(begun, kStreams);
  for (const StreamResult& result : results) {
    ASSERT_TRUE(result.complete()) << result.status << result.error << result.body;
    ASSERT_EQ(result.events.back().data, "[DONE]");
    ASSERT_NE(result.events[result.events.size() - 3].data.find("#5"), std::string::npos);
  }
  EXPECT_TRUE(
      gateway.WaitForCount("SELECT count(*) FROM request_logs WHERE is_stream AND status_code = 200", kStreams));
  EXPECT_EQ(gateway.workers().at(0), worker);

  EXPECT_GE(ThreadCount(worker), 250);
  const double many = SwitchesPerRequest(gateway, "many threads");
  EXPECT_LT(many, few + 20);
}

// The upstream is silent after its first chunk until the client has heard two comments of ours.
TEST(Streams, SilenceIsFilledWithComments) {
  GatewayOptions options;
  options.config = {{"stream.keepalive_s", "1"}};
  Gateway gateway(options);
  std::string seen;
  const HttpReply reply =
      Stream(Chat(gateway, "quiet [[fake: chunks=2 hold=quiet@1]]", Answer::kStream), [&](std::string_view piece) {
        seen += piece;
        const size_t first_chunk = seen.find("echo");
        const size_t comment = seen.find(": keepalive", first_chunk);
        if (first_chunk != std::string::npos && comment != std::string::npos &&
            seen.find(": keepalive", comment + 1) != std::string::npos) {
          gateway.fake().Release("quiet");
        }
        return Next::kGoOn;
      });
  EXPECT_EQ(reply.error, "");
  EXPECT_NE(seen.find("[DONE]"), std::string::npos) << seen;
}

class Disconnect : public testing::TestWithParam<Mount> {};
INSTANTIATE_TEST_SUITE_P(Mounts, Disconnect, testing::ValuesIn(kAllMounts), MountName);

// The client leaves after the first event. lighttpd and nginx tell at once; Apache when it cannot deliver what we
// write, which for a translated stream is a comment.
TEST_P(Disconnect, CancelsTheUpstreamAndTheRowSays499) {
  GatewayOptions options{.mount = GetParam()};
  options.config = {{"stream.keepalive_s", "1"}};
  Gateway gateway(options);
  for (const bool native : {false, true}) {
    const std::string tag = native ? "native" : "chat";
    // Nothing of ours stands in a native stream: under Apache, only events of Gemini's can fail to be delivered.
    const bool silent = !native || GetParam().server != "apache";
    const std::string script = silent ? " hold=never" + tag + "@1" : " delay_ms=100";
    const std::string text = "bye [[fake: chunks=50" + script + " tag=" + tag + "]]";
    const HttpCall call =
        native ? Native(gateway, "streamGenerateContent?alt=sse", text) : Chat(gateway, text, Answer::kStream);
    const HttpReply reply = Stream(call, [](std::string_view piece) {
      return piece.find("echo") == std::string_view::npos ? Next::kGoOn : Next::kClose;
    });
    ASSERT_NE(reply.error, "") << "the client did not leave";
    EXPECT_TRUE(gateway.fake().WaitFor("client_closed", tag)) << tag;
    for (const auto& event : gateway.fake().Events()) {
      EXPECT_FALSE(event.tag == tag && event.type == "chunk" && event.value > (silent ? 1 : 10)) << event.value;
    }
    EXPECT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs WHERE status_code = 499 AND client_type = '" +
                                         std::string(native ? "gemini" : "openai") + "'",
                                     1));
  }
  EXPECT_EQ(Do(Chat(gateway, "next")).status, 200);
}

// As many as one worker is built for: all are held open at the same time, and all end whole.
class Thousand : public testing::TestWithParam<Mount> {};
INSTANTIATE_TEST_SUITE_P(Mounts, Thousand, testing::ValuesIn(kMasterMounts), MountName);

TEST_P(Thousand, SlowStreamsInOneWorker) {
  constexpr size_t kThousand = 1000;
  GatewayOptions options{.mount = GetParam()};
  Gateway gateway(options);
  const pid_t worker = gateway.workers().at(0);
  std::vector<HttpCall> calls(kThousand, Chat(gateway, "slow [[fake: chunks=4 hold=all@1]]", Answer::kStream));
  for (HttpCall& call : calls) call.timeout_ms = 180'000;  // sanitizers take their time
  size_t begun = 0;
  const auto results = RunStreams(calls, [&](size_t, const SseEvent& event) {
    if (event.data.find("echo") == std::string::npos || ++begun < kThousand) return;
    EXPECT_EQ(gateway.workers(), std::vector<pid_t>{worker});
    gateway.fake().Release("all");
  });
  EXPECT_EQ(begun, kThousand);
  for (const StreamResult& result : results) {
    ASSERT_TRUE(result.complete()) << result.status << result.error << result.body;
    ASSERT_EQ(result.events.back().data, "[DONE]");
  }
  EXPECT_TRUE(
      gateway.WaitForCount("SELECT count(*) FROM request_logs WHERE is_stream AND status_code = 200", kThousand));
}

}  // namespace
}  // namespace gc::test
