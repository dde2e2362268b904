// memory_test.cc: what a large request or answer takes of a worker's memory at its peak, as a multiple of its size.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstdio>

#include "e2e/calls.h"

namespace gc::test {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kRequestBytes = 20 * kMiB;  // Gemini's own limit for a request with its media inside
constexpr size_t kAnswerBytes = 5 * kMiB;
constexpr int kEvents = 500;  // of a streamed answer

// AddressSanitizer keeps what was freed, and both have memory of their own for each byte of ours.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsBounded = false;
#else
constexpr bool kIsBounded = true;
#endif

enum class Protocol { kChat, kAnthropic };

struct Case {
  const char* name;
  Protocol protocol;
  Answer answer;
  bool large_request;  // else a large answer
  double bound;        // peak over idle, in sizes of what is large
};

// An image in the request, or the order for a long answer.
void WriteContent(json::Writer* w, const Case& c) {
  w->BeginArray().BeginObject().Key("type").String("text").Key("text");
  if (!c.large_request) {
    const std::string chunks = c.answer == Answer::kStream ? " chunks=" + std::to_string(kEvents) : "";
    w->String("long [[fake: big=" + std::to_string(kAnswerBytes) + chunks + "]]").EndObject().EndArray();
    return;
  }
  const std::string image(kRequestBytes, 'A');
  w->String("What is this?").EndObject().BeginObject();
  if (c.protocol == Protocol::kChat) {
    w->Key("type").String("image_url").Key("image_url").BeginObject();
    w->Key("url").String("data:image/png;base64," + image).EndObject();
  } else {
    w->Key("type").String("image").Key("source").BeginObject().Key("type").String("base64");
    w->Key("media_type").String("image/png").Key("data").String(image).EndObject();
  }
  w->EndObject().EndArray();
}

HttpCall CallOf(const Gateway& gateway, const Case& c) {
  std::string body;
  json::Writer w(&body);
  w.BeginObject().Key("model").String(kModel).Key("stream").Bool(c.answer == Answer::kStream);
  w.Key("max_tokens").Int(1000).Key("messages").BeginArray().BeginObject().Key("role").String("user").Key("content");
  WriteContent(&w, c);
  w.EndObject().EndArray().EndObject();
  const char* path = c.protocol == Protocol::kChat ? "/v1/chat/completions" : "/v1/messages";
  HttpCall call = Post(gateway.Url(path), std::move(body), {std::string("Authorization: Bearer ") + kKey});
  call.timeout_ms = 120'000;  // sanitizers take their time
  return call;
}

std::string_view EndOf(const Case& c) {
  if (c.protocol == Protocol::kChat) return c.answer == Answer::kStream ? "data: [DONE]" : R"("finish_reason":"stop")";
  return c.answer == Answer::kStream ? R"({"type":"message_stop"})" : R"("stop_reason":"end_turn")";
}

class Memory : public testing::TestWithParam<Case> {};

// A request is there four times while it is translated: as it came (it may be asked again), parsed, its media as Gemini
// wants them, and written. A whole answer is parsed from one of two copies (the other is for a second try, should it
// not be UTF-8), collected and written. Of a stream only events are there. Measured: 4, 4 to 5, and 0.05.
constexpr Case kCases[] = {
    {"chat_request_unary", Protocol::kChat, Answer::kUnary, true, 5},
    {"chat_request_streamed", Protocol::kChat, Answer::kStream, true, 5},
    {"anthropic_request_unary", Protocol::kAnthropic, Answer::kUnary, true, 5},
    {"anthropic_request_streamed", Protocol::kAnthropic, Answer::kStream, true, 5},
    {"chat_answer_unary", Protocol::kChat, Answer::kUnary, false, 6},
    {"chat_answer_streamed", Protocol::kChat, Answer::kStream, false, 0.5},
    {"anthropic_answer_unary", Protocol::kAnthropic, Answer::kUnary, false, 6},
    {"anthropic_answer_streamed", Protocol::kAnthropic, Answer::kStream, false, 0.5},
};
INSTANTIATE_TEST_SUITE_P(Cases, Memory, testing::ValuesIn(kCases), [](const auto& entry) { return entry.param.name; });

TEST_P(Memory, PeakIsASmallMultiple) {
  const Case& c = GetParam();
  Gateway gateway;
  // What is loaded once, for the answer and for its row.
  EXPECT_EQ(Do(Chat(gateway, "first")).status, 200);
  EXPECT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs", 1));
  const pid_t worker = gateway.workers().at(0);
  const int64_t idle_kb = PeakRssKb(worker);
  const HttpReply reply = Do(CallOf(gateway, c));
  ASSERT_EQ(reply.status, 200) << reply.error << reply.body.substr(0, 500);
  EXPECT_NE(reply.body.find(EndOf(c)), std::string::npos) << reply.error;
  if (!c.large_request) {
    EXPECT_GE(reply.body.size(), kAnswerBytes);
  }
  ASSERT_EQ(gateway.workers().at(0), worker);
  const double size_kb = static_cast<double>(c.large_request ? kRequestBytes : kAnswerBytes) / 1024;
  const double times = static_cast<double>(PeakRssKb(worker) - idle_kb) / size_kb;
  std::printf("[ figures  ] %s: peak %.2f times its size over %lld KiB idle\n", c.name, times,
              static_cast<long long>(idle_kb));
  if (kIsBounded) {
    EXPECT_LE(times, c.bound);
  }
}

}  // namespace
}  // namespace gc::test
