// tool_schema_limits_test.cc: schemas from the wild, and schemas that were made to break things.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/temp_dir.h"
#include "unit/tool_schema_check.h"

namespace gc {
namespace {

using test::Normalised;
using test::RefusalOf;

// The names of the properties at the top, in order; of a reference or an allOf at the top: none.
std::vector<std::string> PropertyNames(const json::Value& schema) {
  std::vector<std::string> names;
  const json::Value* properties = schema.Find("properties");
  if (properties == nullptr) return names;
  for (const json::Member& m : properties->Members()) names.emplace_back(m.name.Text());
  return names;
}

// What agents and MCP servers send, in the spelling of the libraries that they are written with.
TEST(ToolSchema, RealSchemasPass) {
  const auto document = json::Document::Parse(ReadFile("tests/unit/tool_schemas.json"));
  ASSERT_TRUE(document.ok()) << document.error().message << "; run the tests from the repository's root";
  EXPECT_GE(document->root().Members().size(), 13U);
  for (const json::Member& m : document->root().Members()) {
    const std::string_view name = m.name.Text();
    for (const SchemaDetail detail : {SchemaDetail::kFull, SchemaDetail::kSimple}) {
      std::string out;
      json::Writer w(&out);
      WriteParameters(&w, m.value, detail);
      EXPECT_EQ(RefusalOf(out), "") << name << ": " << out;
      EXPECT_LE(out.size(), 2 * json::ToText(m.value).size()) << name;
      const auto written = json::Document::Parse(out);
      EXPECT_EQ(written->root().StringOr("type", ""), "object") << name;
      const std::vector<std::string> names = PropertyNames(m.value);
      EXPECT_FALSE(PropertyNames(written->root()).empty()) << name << ": " << out;
      if (!names.empty()) {
        EXPECT_EQ(PropertyNames(written->root()), names) << name;
      }
    }
  }
}

// Schemas that were made to break things: the answer is one that Gemini takes and of a small multiple of their size.
// The large ones are for the runner's time limit: what is quadratic takes minutes with them.
class HostileSchema : public testing::Test {
 protected:
  static void Expect(const std::string& name, const std::string& schema, bool is_checked = true) {
    for (const SchemaDetail detail : {SchemaDetail::kFull, SchemaDetail::kSimple}) {
      const std::string out = Normalised(schema, detail);
      EXPECT_LE(out.size(), 5 * schema.size() + 8192) << name;
      EXPECT_EQ(is_checked ? RefusalOf(out) : "", "") << name << ": " << out.substr(0, 400);
    }
  }

  template <class Schema>
  static void ExpectSmallAndLarge(const std::string& name, Schema&& schema) {
    Expect(name, schema(300));
    Expect(name, schema(50000), false);  // the fake's own check is quadratic
  }

  // `count` pieces made by `piece` from their number, separated by commas.
  template <class Piece>
  static std::string List(int count, Piece&& piece) {
    std::string out;
    for (int i = 0; i < count; ++i) out += (i == 0 ? "" : ",") + piece(i);
    return out;
  }
  static std::string Numbered(const char* letter, int i) { return "\"" + (letter + std::to_string(i)) + "\""; }
  static std::string Reference(int i) { return R"({"$ref":"#/$defs/d)" + std::to_string(i) + "\"}"; }
};

TEST_F(HostileSchema, Deep) {
  for (const auto& [before, after] : {std::pair(R"({"items":)", "}"), std::pair(R"({"anyOf":[)", "]}"),
                                      std::pair(R"({"allOf":[)", "]}"), std::pair(R"({"properties":{"a":)", "}}")}) {
    std::string schema = R"({"type":"string"})";
    for (int i = 0; i < 60; ++i) schema = before + schema + after;
    Expect(before, schema);
  }
}

TEST_F(HostileSchema, Wide) {
  const auto names = [](const char* letter) { return [letter](int i) { return Numbered(letter, i); }; };
  ExpectSmallAndLarge("all properties are required", [&](int count) {
    return R"({"properties":{)" + List(count, [](int i) { return Numbered("p", i) + ":{}"; }) + R"(},"required":[)" +
           List(count, names("p")) + "]}";
  });
  ExpectSmallAndLarge("strangers are required", [&](int count) {
    return R"({"properties":{"a":{}},"required":[)" + List(count, names("q")) + "]}";
  });
  ExpectSmallAndLarge("values", [&](int count) { return R"({"enum":[)" + List(count, names("v")) + "]}"; });
  ExpectSmallAndLarge("alternatives", [&](int count) {
    return R"({"anyOf":[)" + List(count, [](int i) { return R"({"const":)" + std::to_string(i) + "}"; }) + "]}";
  });
  ExpectSmallAndLarge("branches that contradict each other", [&](int count) {
    return R"({"allOf":[)" + List(count, [](int i) { return R"({"format":)" + Numbered("f", i) + "}"; }) + "]}";
  });
}

TEST_F(HostileSchema, References) {
  // A schema that uses definition 0 and has these.
  const auto with = [](const std::string& definitions) {
    return R"({"allOf":[{"$ref":"#/$defs/d0"},{}],"$defs":{)" + definitions + "}}";
  };
  ExpectSmallAndLarge("a chain", [&](int count) {
    return with(List(count, [](int i) { return Numbered("d", i) + R"(:{"items":)" + Reference(i + 1) + "}"; }));
  });
  ExpectSmallAndLarge("a chain of nothing but references", [&](int count) {
    return with(List(count, [](int i) { return Numbered("d", i) + ":" + Reference(i + 1); }));
  });
  ExpectSmallAndLarge("a chain to merge", [&](int count) {
    return with(List(count, [](int i) {
      return Numbered("d", i) + R"(:{"properties":{"p":{}},"allOf":[)" + Reference(i + 1) + "]}";
    }));
  });
  ExpectSmallAndLarge("every definition back to the root", [](int count) {
    return R"({"properties":{)" + List(count, [](int i) { return Numbered("p", i) + ":" + Reference(i); }) +
           R"(},"$defs":{)" + List(count, [](int i) { return Numbered("d", i) + R"(:{"items":{"$ref":"#"}})"; }) + "}}";
  });
  ExpectSmallAndLarge("names that become one", [](int count) {
    const auto name = [](int i) { return "\"" + std::string(70, ':') + std::to_string(i); };
    return R"({"properties":{)" +
           List(count, [&](int i) { return Numbered("p", i) + R"(:{"$ref":"#/$defs/)" + name(i).substr(1) + "\"}"; }) +
           R"(},"$defs":{)" + List(count, [&](int i) { return name(i) + "\":{}"; }) + "}}";
  });
  ExpectSmallAndLarge("pointers into each other", [](int count) {
    return R"({"properties":{)" +
           List(count,
                [&](int i) {
                  return Numbered("p", i) + R"(:{"items":{"$ref":"#/properties/p)" + std::to_string((i + 1) % count) +
                         "\"}}";
                }) +
           "}}";
  });
  // Each takes the next one in twice: written out, two to the power of fifty.
  Expect("doubling", with(List(50, [](int i) {
           const std::string twice = R"({"allOf":[)" + Reference(i + 1) + R"(,{"title":"t"}]})";
           return Numbered("d", i) + R"(:{"properties":{"a":)" + twice + R"(,"b":)" + twice + "}}";
         })));
}

}  // namespace
}  // namespace gc
