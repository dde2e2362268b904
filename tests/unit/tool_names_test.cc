// tool_names_test.cc: tool names go to Gemini legal, and come back as they were.
// SPDX-License-Identifier: MIT
#include "handler/tool_names.h"

#include <gtest/gtest.h>

#include <set>

namespace gc {
namespace {

bool IsLegal(std::string_view name) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  return !name.empty() && name.size() <= 64 && kLetters.find(name.front()) != std::string_view::npos &&
         name.find_first_not_of(std::string(kLetters) + "0123456789.:-") == std::string_view::npos;
}

TEST(ToolNames, LegalNamesStay) {
  ToolNames names;
  const std::string longest(64, 'x');
  for (const std::string_view name : {std::string_view("get_weather"), std::string_view("_"),
                                      std::string_view("a.b:c-d"), std::string_view(longest)}) {
    EXPECT_EQ(names.ToGemini(name), name);
    EXPECT_EQ(names.ToClient(name), name);
  }
}

TEST(ToolNames, OthersAreMadeLegalAndMappedBack) {
  ToolNames names;
  const std::string long_name = std::string(40, 'a') + "/" + std::string(40, 'b');
  for (const std::string& name : {std::string("1st tool/read"), std::string("-x"), std::string("ä"), std::string(" "),
                                  std::string("a\nb"), std::string("9"), long_name, std::string(500, '7')}) {
    const std::string gemini(names.ToGemini(name));
    EXPECT_TRUE(IsLegal(gemini)) << name << " -> " << gemini;
    EXPECT_EQ(names.ToGemini(name), gemini);
    EXPECT_EQ(names.ToClient(gemini), name);
  }
  EXPECT_EQ(names.ToGemini("1st tool/read"), "_1st_tool_read");
  EXPECT_TRUE(std::string(names.ToGemini(long_name)).ends_with("bbbb"));
}

TEST(ToolNames, DifferentNamesStayDifferent) {
  ToolNames names;
  std::set<std::string> seen;
  const std::string tail(100, 'z');
  for (int i = 0; i < 200; ++i) {
    for (const std::string& name :
         {"a" + std::string(static_cast<size_t>(i), '/'), std::string("a") + char('!' + i % 14),
          std::string(50, 'p') + std::to_string(i) + tail}) {
      const std::string gemini(names.ToGemini(name));
      EXPECT_TRUE(IsLegal(gemini)) << gemini;
      EXPECT_EQ(names.ToClient(gemini), name);
      seen.insert(gemini);
    }
  }
  EXPECT_GT(seen.size(), 400U);
}

TEST(ToolNames, ALegalNameThatIsTakenIsRenamed) {
  ToolNames names;
  EXPECT_EQ(names.ToGemini("a b"), "a_b");
  const std::string other(names.ToGemini("a_b"));
  EXPECT_NE(other, "a_b");
  EXPECT_EQ(names.ToClient(other), "a_b");
  EXPECT_EQ(names.ToClient("a_b"), "a b");
}

TEST(ToolNames, ViewsSurviveGrowth) {
  ToolNames names;
  const std::string_view first = names.ToGemini("first one");
  for (int i = 0; i < 1000; ++i) names.ToGemini("n" + std::to_string(i));
  EXPECT_EQ(first, "first_one");
  EXPECT_EQ(names.ToClient("never_given_out"), "never_given_out");
}

}  // namespace
}  // namespace gc
