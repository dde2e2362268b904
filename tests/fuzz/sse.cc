// sse.cc: a stream gives the same events however it is cut, and those that the standard says.
// SPDX-License-Identifier: MIT
#include "base/sse.h"

#include <algorithm>
#include <vector>

#include "fuzz/fuzz.h"

namespace gc::fuzz {
namespace {

constexpr size_t kNoLimit = size_t{1} << 30;
constexpr size_t kSmallLimit = 24;  // bytes: within reach of short inputs

struct Outcome {
  std::vector<std::string> events;
  bool too_large = false;
  std::string rest;  // the event that the stream's end left unfinished

  bool operator==(const Outcome&) const = default;
};

// Read in pieces of these lengths, over and over; none given: in one.
Outcome Read(std::string_view stream, std::string_view lengths, size_t limit) {
  Outcome outcome;
  SseReader reader(limit);
  for (size_t i = 0; !stream.empty() && !outcome.too_large; ++i) {
    const size_t length = lengths.empty() ? stream.size() : static_cast<unsigned char>(lengths[i % lengths.size()]) + 1;
    const auto keep = [&](std::string data) {
      outcome.events.push_back(std::move(data));
      return true;
    };
    outcome.too_large = !reader.Feed(stream.substr(0, length), keep).ok();
    stream.remove_prefix(std::min(length, stream.size()));
  }
  if (!outcome.too_large) outcome.rest = reader.TakeUnterminated();
  return outcome;
}

// The data of the events by the standard's words: lines first, then fields. Of the last lines too, if no empty one
// follows.
Outcome ReadByTheBook(std::string_view stream) {
  std::vector<std::string> lines(1);
  for (size_t i = 0; i < stream.size(); ++i) {
    if (stream[i] == '\r' && i + 1 < stream.size() && stream[i + 1] == '\n') continue;
    if (stream[i] == '\r' || stream[i] == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += stream[i];
    }
  }
  if (lines.front().starts_with("\xEF\xBB\xBF")) lines.front().erase(0, 3);
  Outcome outcome;
  std::vector<std::string> data;
  const auto join = [&] {
    std::string joined;
    for (size_t i = 0; i < data.size(); ++i) joined += (i == 0 ? "" : "\n") + data[i];
    data.clear();
    return joined;
  };
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    const size_t colon = line.find(':');
    if (line.empty() && !data.empty() && i + 1 < lines.size()) outcome.events.push_back(join());
    if (line.substr(0, colon) != "data") continue;
    std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    data.push_back(std::move(value));
  }
  outcome.rest = join();
  return outcome;
}

}  // namespace

std::string CheckSse(std::string_view input) {
  const std::string_view lengths = TakeLine(&input);
  const Outcome whole = Read(input, "", kNoLimit);
  if (whole.too_large) return "an event is over a limit that it cannot reach";
  if (Read(input, lengths, kNoLimit) != whole) return "the cuts change the events";
  if (ReadByTheBook(input) != whole) return "the events are not those of the standard";
  if (Read(input, lengths, kSmallLimit) != Read(input, "", kSmallLimit)) return "the cuts change what is too large";

  std::string written;
  for (const std::string& event : whole.events) {
    if (event.find_first_of("\r\n") == std::string::npos) AppendSseEvent("name", event, &written);
  }
  const Outcome again = Read(written, lengths, kNoLimit);
  if (!again.rest.empty()) return "what was written does not end";
  auto next = again.events.begin();
  for (const std::string& event : whole.events) {
    if (event.find_first_of("\r\n") != std::string::npos) continue;
    if (next == again.events.end() || *next++ != event) return "what was written is read as something else";
  }
  return next == again.events.end() ? "" : "more is read than was written";
}

}  // namespace gc::fuzz
