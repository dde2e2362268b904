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

class Disconnect : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Mounts, Disconnect, testing::Values("fcgi", "cgi"), ModeName);

// The client leaves after the first event; the upstream must hear of it while its second chunk is still held back.
TEST_P(Disconnect, CancelsTheUpstreamAndTheRowSays499) {
  GatewayOptions options;
  options.mode = GetParam();
  Gateway gateway(options);
  for (const bool native : {false, true}) {
    const std::string tag = native ? "native" : "chat";
    const std::string text = "bye [[fake: chunks=5 hold=never" + tag + "@1 tag=" + tag + "]]";
    const HttpCall call =
        native ? Native(gateway, "streamGenerateContent?alt=sse", text) : Chat(gateway, text, Answer::kStream);
    const HttpReply reply = Stream(call, [](std::string_view piece) {
      return piece.find("echo") == std::string_view::npos ? Next::kGoOn : Next::kClose;
    });
    ASSERT_NE(reply.error, "") << "the client did not leave";
    EXPECT_TRUE(gateway.fake().WaitFor("client_closed", tag)) << tag;
    for (const auto& event : gateway.fake().Events()) {
      EXPECT_FALSE(event.tag == tag && event.type == "chunk" && event.value > 1) << "a chunk after the client left";
    }
    EXPECT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs WHERE status_code = 499 AND client_type = '" +
                                         std::string(native ? "gemini" : "openai") + "'",
                                     1));
  }
  EXPECT_EQ(Do(Chat(gateway, "next")).status, 200);
}

}  // namespace
}  // namespace gc::test
