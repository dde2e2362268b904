// constant_handler.cc: the least a FastCGI program can do: reads the request and writes what the gateway once wrote,
// streams event by event with a flush after each. It starts a thread when no other is free, as the gateway does.
// Environment: GEMINI_CODE_CONF, the one variable that the shipped lighttpd files pass on: here the directory with the
// files `unary` (a body) and `stream` (the frames of a stream with one event).
// SPDX-License-Identifier: MIT
#include <fcgiapp.h>
#include <pthread.h>
#include <time.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include "bench/file.h"
#include "bench/pace.h"

namespace gc::bench {
namespace {

constexpr size_t kStackBytes = size_t{256} << 10;
constexpr char kUnaryHead[] =
    "Status: 200 OK\r\ncontent-type: application/json\r\nx-request-id: 019a0000-0000-7000-8000-000000000000\r\n";
constexpr char kStreamHead[] =
    "Status: 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
    "x-request-id: 019a0000-0000-7000-8000-000000000000\r\n\r\n";

std::string unary_answer;
std::string stream_begin;  // the first frame
std::string stream_event;
std::string stream_end;
std::atomic<int> idle = 0;

// True when the files are there and the stream has its frames.
bool LoadAnswers(const std::string& directory) {
  const std::string unary = WholeFile(directory + "/unary");
  unary_answer = std::string(kUnaryHead) + "content-length: " + std::to_string(unary.size()) + "\r\n\r\n" + unary;
  const std::string stream = WholeFile(directory + "/stream");
  const auto after_frame = [&](size_t from) {
    const size_t end = stream.find("\n\n", from);
    return end == std::string::npos ? stream.size() : end + 2;
  };
  const size_t event = after_frame(0);
  const size_t end = after_frame(event);
  stream_begin = stream.substr(0, event);
  stream_event = stream.substr(event, end - event);
  stream_end = stream.substr(end);
  return !unary.empty() && !stream_end.empty();
}

void Put(FCGX_Stream* out, std::string_view bytes) { FCGX_PutStr(bytes.data(), static_cast<int>(bytes.size()), out); }

void WaitUntil(timespec* due, int64_t interval_us) {
  due->tv_nsec += interval_us * 1000;
  due->tv_sec += due->tv_nsec / 1'000'000'000;
  due->tv_nsec %= 1'000'000'000;
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, due, nullptr);
}

void WriteStream(FCGX_Stream* out, const Pace& pace) {
  Put(out, kStreamHead);
  Put(out, stream_begin);
  FCGX_FFlush(out);
  timespec due{};
  clock_gettime(CLOCK_MONOTONIC, &due);
  for (int i = 0; i < pace.events; ++i) {
    if (i > 0 && pace.interval_us > 0) WaitUntil(&due, pace.interval_us);
    Put(out, stream_event);
    FCGX_FFlush(out);
  }
  Put(out, stream_end);
  FCGX_FFlush(out);
}

void Serve() {
  FCGX_Request request;
  FCGX_InitRequest(&request, 0, 0);
  for (;;) {
    ++idle;
    while (FCGX_Accept_r(&request) != 0) continue;
    if (--idle == 0) std::thread(Serve).detach();
    std::string body;
    char buffer[8192];
    for (int n = 0; (n = FCGX_GetStr(buffer, sizeof buffer, request.in)) > 0;)
      body.append(buffer, static_cast<size_t>(n));
    if (body.find(R"("stream":true)") != std::string::npos) {
      WriteStream(request.out, FindPace(body));
    } else {
      Put(request.out, unary_answer);
    }
    FCGX_Finish_r(&request);
  }
}

}  // namespace
}  // namespace gc::bench

int main() {
  const char* directory = std::getenv("GEMINI_CODE_CONF");
  if (directory == nullptr || !gc::bench::LoadAnswers(directory) || FCGX_Init() != 0) return 78;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, gc::bench::kStackBytes);
  pthread_setattr_default_np(&attributes);
  gc::bench::Serve();
}
