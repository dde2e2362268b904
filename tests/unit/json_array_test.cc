// json_array_test.cc: a JSON array cut into its objects at every split of the bytes.
// SPDX-License-Identifier: MIT
#include "base/json_array.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gc {
namespace {

struct Read {
  std::vector<std::string> elements;
  bool closed = false;
  bool too_large = false;
  bool operator==(const Read&) const = default;
};

void PrintTo(const Read& read, std::ostream* os) {
  for (const std::string& e : read.elements) *os << "<" << e << "> ";
  *os << (read.closed ? "closed" : "open") << (read.too_large ? ", too large" : "");
}

Read ReadAll(const std::vector<std::string_view>& pieces, size_t max_bytes) {
  JsonArrayReader reader(max_bytes);
  Read read;
  for (const std::string_view piece : pieces) {
    const Status status = reader.Feed(piece, [&](std::string element) { read.elements.push_back(std::move(element)); });
    if (!status.ok()) {
      EXPECT_EQ(status.error().kind, ErrorKind::kTooLarge);
      read.too_large = true;
      break;
    }
  }
  read.closed = reader.closed();
  return read;
}

TEST(JsonArrayReader, EverySplitGivesTheSameElements) {
  const struct {
    const char* name;
    std::string stream;
    size_t max_bytes;
    Read want;
  } cases[] = {
      {"empty array", "[]", 99, {{}, true}},
      {"nothing yet", "[", 99, {{}, false}},
      {"Gemini's layout", "[{\"a\": 1\n}\n,\r\n{\"b\": [2]\n}\n]\n", 99, {{"{\"a\": 1\n}", "{\"b\": [2]\n}"}, true}},
      {"compact", "[{},{}]", 99, {{"{}", "{}"}, true}},
      {"nested", R"([{"a":[{"b":{}},[1]]}])", 99, {{R"({"a":[{"b":{}},[1]]})"}, true}},
      {"brackets in strings", R"([{"a":"}]{["},{"]":1}])", 99, {{R"({"a":"}]{["})", R"({"]":1})"}, true}},
      {"escaped quotes",
       R"([{"a":"\"}"},{"b":"\\"},{"c":"\\\"]"}])",
       99,
       {{R"({"a":"\"}"})", R"({"b":"\\"})", R"({"c":"\\\"]"})"}, true}},
      {"cut in a string", R"([{"a":1},{"b":"x)", 99, {{R"({"a":1})"}, false}},
      {"cut between elements", R"([{"a":1},)", 99, {{R"({"a":1})"}, false}},
      {"exactly at the cap", R"([{"a":1},{"b":2}])", 7, {{R"({"a":1})", R"({"b":2})"}, true}},
      {"one over the cap", R"([{"a":1},{"b":22}])", 7, {{R"({"a":1})"}, false, true}},
      {"never-ending string", "[{\"a\":\"" + std::string(50, 'x'), 20, {{}, false, true}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string_view s = c.stream;
    EXPECT_EQ(ReadAll({s}, c.max_bytes), c.want);
    for (size_t i = 0; i <= s.size(); ++i) {
      for (size_t j = i; j <= s.size(); ++j) {
        ASSERT_EQ(ReadAll({s.substr(0, i), s.substr(i, j - i), s.substr(j)}, c.max_bytes), c.want) << i << ", " << j;
      }
    }
  }
}

}  // namespace
}  // namespace gc
