// fake_gemini_control.cc: release, events, wait, requests, directive, answers, reset.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_control.h"

#include <cstdlib>

#include "base/json.h"
#include "support/fake_gemini_session.h"

namespace gc::test::fake {
namespace {

constexpr int64_t kDefaultWaitMs = 5000;
constexpr int64_t kMaxWaitMs = 60'000;

int64_t Number(const HttpRequest& request, std::string_view name, int64_t fallback) {
  const auto text = request.Query(name);
  return text ? std::strtoll(text->c_str(), nullptr, 10) : fallback;
}

template <class T>
std::string ListJson(std::string_view name, const std::vector<T>& items) {
  std::string out = "{\"" + std::string(name) + "\":[";
  for (const T& item : items) {
    if (&item != items.data()) out += ",\n";
    out += ToJson(item);
  }
  return out + "]}\n";
}

ControlReply Wrong(int status, std::string_view message) {
  std::string out;
  json::Writer(&out).BeginObject().Key("error").String(message).EndObject();
  return {status, out};
}

ControlReply Wait(State* state, const HttpRequest& request) {
  const int64_t timeout_ms = std::min(Number(request, "timeout_ms", kDefaultWaitMs), kMaxWaitMs);
  const auto event = state->journal.WaitFor(request.Query("type").value_or(""), request.Query("tag").value_or(""),
                                            Number(request, "after", 0), timeout_ms);
  if (!event) return Wrong(408, "no such event in time");
  return {200, ToJson(*event)};
}

ControlReply Get(State* state, const HttpRequest& request) {
  if (request.path == "/__fake/events")
    return {200, ListJson("events", state->journal.Events(Number(request, "after", 0)))};
  if (request.path == "/__fake/requests") return {200, ListJson("requests", state->journal.Requests())};
  if (request.path == "/__fake/wait") return Wait(state, request);
  return Wrong(404, "no such control path");
}

ControlReply AddAnswers(State* state, const HttpRequest& request) {
  auto answers = ParseCanned(request.body);
  if (!answers.ok()) return Wrong(400, answers.error().message);
  state->director.AddCanned(std::move(*answers));
  return {200, "{}"};
}

ControlReply Post(State* state, const HttpRequest& request) {
  if (request.path == "/__fake/release") {
    state->doors.Release(request.Query("name").value_or(""));
    return {200, "{}"};
  }
  if (request.path == "/__fake/directive") {
    const Status status = state->director.SetDirective(request.body, Number(request, "times", -1));
    return status.ok() ? ControlReply{200, "{}"} : Wrong(400, status.error().message);
  }
  if (request.path == "/__fake/answers") return AddAnswers(state, request);
  if (request.path == "/__fake/reset") {
    state->journal.Clear();
    state->doors.Close();
    state->director.Clear();
    return {200, "{}"};
  }
  return Wrong(404, "no such control path");
}

}  // namespace

ControlReply ServeControl(State* state, const HttpRequest& request) {
  return request.method == "POST" ? Post(state, request) : Get(state, request);
}

}  // namespace gc::test::fake
