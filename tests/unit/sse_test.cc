// sse_test.cc: server-sent events at every split of the bytes.
// SPDX-License-Identifier: MIT
#include "base/sse.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gc {
namespace {

using Events = std::vector<std::string>;

// Feeds `pieces`; the data of the complete events, then "(rest)" and what was left over if it was anything.
Events Read(const std::vector<std::string_view>& pieces, size_t max_bytes = 1000) {
  SseReader reader(max_bytes);
  Events events;
  for (const std::string_view piece : pieces) {
    const Status status = reader.Feed(piece, [&](std::string data) {
      events.push_back(std::move(data));
      return true;
    });
    if (!status.ok()) {
      EXPECT_EQ(status.error().kind, ErrorKind::kTooLarge);
      events.push_back("(too large)");
      return events;
    }
  }
  if (std::string rest = reader.TakeUnterminated(); !rest.empty()) events.push_back("(rest)" + rest);
  return events;
}

struct Case {
  const char* name;
  std::string stream;
  Events events;
};

const Case kCases[] = {
    {"nothing", "", {}},
    {"LF", "data: a\n\ndata: b\n\n", {"a", "b"}},
    {"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", {"a", "b"}},
    {"CR", "data: a\r\rdata: b\r\r", {"a", "b"}},
    {"mixed ends", "data: a\r\n\ndata: b\n\r\ndata: c\r\ndata: d\r\r\n", {"a", "b", "c\nd"}},
    {"BOM",
     "\xEF\xBB\xBF"
     "data: a\n\n",
     {"a"}},
    {"BOM alone on its line", "\xEF\xBB\xBF\ndata: a\n\n", {"a"}},
    {"BOM later is part of a name",
     "data: a\n\n\xEF\xBB\xBF"
     "data: b\n\n",
     {"a"}},
    {"several data lines", "data: a\ndata:\ndata:  b\n\n", {"a\n\n b"}},
    {"no blank after the colon", "data:a\n\n", {"a"}},
    {"colons in the value", "data: {\"a\":1}\n\n", {"{\"a\":1}"}},
    {"no colon at all", "data\n\n", {""}},
    {"comments and other fields",
     ": hello\nevent: x\nid: 7\nretry: 10\ndatax: no\n data: no\ndata: a\n: bye\n\n",
     {"a"}},
    {"events without data", "event: ping\n\n\n\n: c\n\ndata: a\n\n", {"a"}},
    {"unterminated line", "data: a\n\ndata: b", {"a", "(rest)b"}},
    {"line but no empty line", "data: a\n\ndata: b\ndata: c\n", {"a", "(rest)b\nc"}},
    {"unterminated comment", "data: a\n\n: b", {"a"}},
    {"cut field name", "data: a\n\ndat", {"a"}},
    {"only CR after the last line", "data: a\r", {"(rest)a"}},
    {"UTF-8", "data: \xF0\x9F\x98\x80\n\n", {"\xF0\x9F\x98\x80"}},
};

TEST(SseReader, EverySplitGivesTheSameEvents) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const std::string_view s = c.stream;
    EXPECT_EQ(Read({s}), c.events);
    for (size_t i = 0; i <= s.size(); ++i) {
      for (size_t j = i; j <= s.size(); ++j) {
        ASSERT_EQ(Read({s.substr(0, i), s.substr(i, j - i), s.substr(j)}), c.events) << "split at " << i << ", " << j;
      }
    }
    std::vector<std::string_view> bytes;
    for (size_t i = 0; i < s.size(); ++i) bytes.push_back(s.substr(i, 1));
    EXPECT_EQ(Read(bytes), c.events) << "byte by byte";
  }
}

TEST(SseReader, SizeCapCountsDataAndTheOpenLine) {
  const struct {
    const char* name;
    std::string stream;
    size_t max_bytes;
    Events events;
  } cases[] = {
      {"exactly at the cap", "data: abcd\n\n", 10, {"abcd"}},
      {"one over", "data: abcde\n\n", 10, {"(too large)"}},
      {"the cap is for each event", "data: abcd\n\ndata: efgh\n\n", 10, {"abcd", "efgh"}},
      {"many short lines", "data:ab\ndata:ab\ndata:ab\n\n", 10, {"(too large)"}},
      {"a line that never ends", std::string(100, 'x'), 10, {"(too large)"}},
      {"the events before it count", "data: a\n\ndata: 0123456789\n\n", 10, {"a", "(too large)"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Read({c.stream}, c.max_bytes), c.events);
    const std::string_view s = c.stream;
    for (size_t i = 0; i <= s.size(); ++i) {
      ASSERT_EQ(Read({s.substr(0, i), s.substr(i)}, c.max_bytes), c.events) << "split at " << i;
    }
  }
}

TEST(SseReader, StopDropsTheRestOfTheBytes) {
  SseReader reader(100);
  Events events;
  const auto stop = [&](std::string data) {
    events.push_back(std::move(data));
    return false;
  };
  ASSERT_TRUE(reader.Feed("data: a\n\ndata: b\n\n", stop).ok());
  EXPECT_EQ(events, Events{"a"});
  EXPECT_EQ(reader.TakeUnterminated(), "");
}

TEST(SseWriter, WritesFramesThatTheReaderReads) {
  std::string out(kSseComment);
  AppendSseData(R"({"a":1})", &out);
  AppendSseEvent("ping", "x", &out);
  AppendSseData("[DONE]", &out);
  EXPECT_EQ(out, ": keepalive\n\ndata: {\"a\":1}\n\nevent: ping\ndata: x\n\ndata: [DONE]\n\n");
  EXPECT_EQ(Read({out}), (Events{R"({"a":1})", "x", "[DONE]"}));
}

}  // namespace
}  // namespace gc
