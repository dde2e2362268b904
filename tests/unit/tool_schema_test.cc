// tool_schema_test.cc: what becomes of each keyword.
// SPDX-License-Identifier: MIT
#include "handler/tool_schema.h"

#include <gtest/gtest.h>

#include <span>
#include <string>

#include "unit/tool_schema_check.h"

namespace gc {
namespace {

using test::Normalised;
using test::RefusalOf;

std::string Parameters(const std::string& schema) {
  const auto document = json::Document::Parse(schema);
  if (!document.ok()) return document.error().message;
  std::string out;
  json::Writer w(&out);
  WriteParameters(&w, document->root(), SchemaDetail::kFull);
  return out;
}

struct Case {
  const char* name;
  const char* schema;
  const char* normalised;
};

void ExpectAll(std::span<const Case> cases) {
  for (const Case& c : cases) {
    EXPECT_EQ(Normalised(c.schema), c.normalised) << c.name;
    EXPECT_EQ(RefusalOf(c.normalised), "") << c.name;
    EXPECT_EQ(Normalised(c.normalised), c.normalised) << c.name << ": what is normal stays as it is";
  }
}

TEST(ToolSchema, WhatGeminiTakesStaysAsItIs) {
  constexpr Case kCases[] = {
      {"nothing", "{}", "{}"},
      {"every keyword",
       R"({"title":"T","type":"object","description":"d","properties":{"z":{"type":["string","null"],"format":"uri"},)"
       R"("a":{"type":"array","items":{"type":"number","minimum":0.10,"maximum":1e3},"minItems":1,"maxItems":10},)"
       R"("t":{"type":"array","prefixItems":[{"type":"string"},{}]},"e":{"enum":["x","y"],"type":"string"},)"
       R"("u":{"anyOf":[{"type":"string"},{"type":"null"}]},"o":{"oneOf":[{"type":"integer"},{}]}},)"
       R"("required":["z","a"],"propertyOrdering":["a","z"],"additionalProperties":false})",
       R"({"title":"T","type":"object","description":"d","properties":{"z":{"type":["string","null"],"format":"uri"},)"
       R"("a":{"type":"array","items":{"type":"number","minimum":0.10,"maximum":1e3},"minItems":1,"maxItems":10},)"
       R"("t":{"type":"array","prefixItems":[{"type":"string"},{}]},"e":{"enum":["x","y"],"type":"string"},)"
       R"("u":{"anyOf":[{"type":"string"},{"type":"null"}]},"o":{"oneOf":[{"type":"integer"},{}]}},)"
       R"("required":["z","a"],"propertyOrdering":["a","z"],"additionalProperties":false})"},
      {"a map", R"({"type":"object","additionalProperties":{"type":"string"}})",
       R"({"type":"object","additionalProperties":{"type":"string"}})"},
      {"properties that are named like keywords",
       R"({"type":"object","properties":{"default":{"type":"string"},"const":{"type":"string"},"$schema":{},"$ref":{},)"
       R"("title":{"type":"object","properties":{"properties":{"type":"string"},"allOf":{},"not":{}}},)"
       R"("pattern":{"type":"string"},"required":{"type":"boolean"}},"required":["default","$ref"]})",
       R"({"type":"object","properties":{"default":{"type":"string"},"const":{"type":"string"},"$schema":{},"$ref":{},)"
       R"("title":{"type":"object","properties":{"properties":{"type":"string"},"allOf":{},"not":{}}},)"
       R"("pattern":{"type":"string"},"required":{"type":"boolean"}},"required":["default","$ref"]})"},
  };
  ExpectAll(kCases);
}

TEST(ToolSchema, Keywords) {
  constexpr Case kCases[] = {
      {"about the schema, not about values",
       R"({"$schema":"x","$comment":"x","$vocabulary":{},"deprecated":true,"readOnly":true,"writeOnly":true,)"
       R"("examples":[1],"example":1,"contentEncoding":"base64","encrypted":true,"x-order":1,"type":"string"})",
       R"({"type":"string"})"},
      {"const", R"({"const":"a"})", R"({"type":"string","enum":["a"]})"},
      {"const with its type", R"({"type":"integer","const":3})", R"({"type":"integer","enum":[3]})"},
      {"const beside enum", R"({"enum":["a","b"],"const":"a"})", R"({"type":"string","enum":["a"]})"},
      {"const true", R"({"const":true})", R"({"type":"boolean","description":"[const: true]"})"},
      {"const null", R"({"const":null})", R"({"type":"null"})"},
      {"const object", R"({"const":{"a":1}})", R"({"type":"object","description":"[const: {\"a\":1}]"})"},
      {"enum without type", R"({"enum":["a",null]})", R"({"type":["string","null"],"enum":["a",null]})"},
      {"enum of numbers", R"({"enum":[1,2.50]})", R"({"type":["integer","number"],"enum":[1,2.50]})"},
      {"enum of objects", R"({"enum":[{"a":1}]})", R"({"type":"object","description":"[enum: {\"a\":1}]"})"},
      {"enum with an empty string", R"({"type":"string","enum":["","a"]})", R"({"type":"string","enum":["a"]})"},
      {"enum of an empty string", R"({"type":"string","enum":[""]})", R"({"type":"string"})"},
      {"no enum", R"({"type":"string","enum":"a"})", R"({"type":"string"})"},
      {"exclusive minimum of an integer", R"({"type":"integer","exclusiveMinimum":0})",
       R"({"type":"integer","minimum":1})"},
      {"exclusive maximum of an integer", R"({"type":"integer","exclusiveMaximum":10})",
       R"({"type":"integer","maximum":9})"},
      {"exclusive and broken", R"({"type":"integer","exclusiveMinimum":0.5,"exclusiveMaximum":9.5})",
       R"({"type":"integer","minimum":1,"maximum":9})"},
      {"exclusive minimum of a number", R"({"type":"number","exclusiveMinimum":0.50})",
       R"({"type":"number","minimum":0.50,"description":"[exclusiveMinimum: 0.50]"})"},
      {"both, the exclusive is stricter", R"({"type":"integer","minimum":1,"exclusiveMinimum":1})",
       R"({"type":"integer","minimum":2})"},
      {"both, the exclusive is looser", R"({"type":"integer","exclusiveMinimum":1,"minimum":5})",
       R"({"type":"integer","minimum":5})"},
      {"draft 4", R"({"type":"integer","minimum":0,"exclusiveMinimum":true,"maximum":9,"exclusiveMaximum":false})",
       R"({"type":"integer","minimum":1,"maximum":9})"},
      {"at the end of the integers", R"({"type":"integer","exclusiveMinimum":9223372036854775807})",
       R"({"type":"integer","minimum":9223372036854775807})"},
      {"bounds that are none", R"({"type":"integer","minimum":"1","maximum":null,"minItems":-1,"maxItems":1.5})",
       R"({"type":"integer"})"},
      {"without words", R"({"type":"array","items":{},"uniqueItems":true})", R"({"type":"array","items":{}})"},
      {"multipleOf", R"({"type":"number","multipleOf":5})", R"({"type":"number"})"},
      {"lengths and pattern", R"({"type":"string","minLength":1,"maxLength":20,"pattern":"^a$","description":"Name."})",
       R"({"type":"string","description":"Name. [minLength: 1, maxLength: 20, pattern: ^a$]"})"},
      {"default", R"({"type":"integer","default":20,"description":"Page size"})",
       R"({"type":"integer","description":"Page size [default: 20]"})"},
      {"logic",
       R"({"type":"object","properties":{"a":{}},"not":{"required":["b"]},"if":{},"then":{},"dependentRequired":{},)"
       R"("patternProperties":{"^x":{"type":"string"}},"propertyNames":{"pattern":"^[a-z]$"},)"
       R"("unevaluatedProperties":false})",
       R"({"type":"object","properties":{"a":{}},"description":"[not: {\"required\":[\"b\"]}, if: {}, then: {}, )"
       R"(dependentRequired: {}, patternProperties: {\"^x\":{\"type\":\"string\"}}, )"
       R"(propertyNames: {\"pattern\":\"^[a-z]$\"}]"})"},
      {"type missing with properties", R"({"properties":{"a":{}}})", R"({"type":"object","properties":{"a":{}}})"},
      {"type missing with items", R"({"items":{"type":"string"}})", R"({"type":"array","items":{"type":"string"}})"},
      {"array without items", R"({"type":"array"})", R"({"type":"array","items":{}})"},
      {"array or null without items", R"({"type":["array","null"]})", R"({"type":["array","null"],"items":{}})"},
      {"types in capitals", R"({"type":"STRING"})", R"({"type":"string"})"},
      {"types that are none", R"({"type":"any"})", R"({})"},
      {"types, some of which are none", R"({"type":["string","file","string"]})", R"({"type":"string"})"},
      {"nullable", R"({"type":"string","nullable":true})", R"({"type":["string","null"]})"},
      {"nullable alternatives", R"({"anyOf":[{"type":"string"}],"nullable":true})",
       R"({"anyOf":[{"type":"string"},{"type":"null"}]})"},
      {"required names a stranger", R"({"type":"object","properties":{"a":{}},"required":["b","a","a"]})",
       R"({"type":"object","properties":{"a":{}},"required":["a"]})"},
      {"required names strangers only", R"({"type":"object","properties":{"a":{}},"required":["b"]})",
       R"({"type":"object","properties":{"a":{}}})"},
      {"required is a word", R"({"type":"object","properties":{"a":{"type":"string","required":true}}})",
       R"({"type":"object","properties":{"a":{"type":"string"}}})"},
      {"order names a stranger", R"({"type":"object","properties":{"a":{}},"propertyOrdering":["b","a"]})",
       R"({"type":"object","properties":{"a":{}},"propertyOrdering":["a"]})"},
      {"schemas that are true or false",
       R"({"type":"object","properties":{"a":true,"b":false,"c":{"type":"array","items":true},"d":{"items":false}},)"
       R"("required":["a","b"]})",
       R"({"type":"object","properties":{"a":{},"c":{"type":"array","items":{}},"d":{"type":"array","items":{}}},)"
       R"("required":["a"]})"},
      {"alternatives that are false", R"({"anyOf":[false,{"type":"string"}],"oneOf":[false]})",
       R"({"anyOf":[{"type":"string"}]})"},
      {"alternatives of no known type", R"({"type":"object","anyOf":[{"type":"any"},{"type":"null"}]})",
       R"({"type":"object","description":"[anyOf: [{\"type\":\"any\"},{\"type\":\"null\"}]]"})"},
      {"alternatives that only narrow",
       R"({"type":"object","properties":{"a":{},"b":{}},"anyOf":[{"required":["a"]},{"required":["b"]}]})",
       R"({"type":"object","properties":{"a":{},"b":{}},)"
       R"("description":"[anyOf: [{\"required\":[\"a\"]},{\"required\":[\"b\"]}]]"})"},
      {"tuples of draft 7", R"({"type":"array","items":[{"type":"string"},true],"additionalItems":{"type":"integer"}})",
       R"({"type":"array","prefixItems":[{"type":"string"},{}],"items":{"type":"integer"}})"},
      {"an empty tuple", R"({"type":"array","items":[]})", R"({"type":"array","items":{}})"},
      {"no schema where one should be", R"({"type":"object","properties":{"a":"string","b":3,"c":null,"d":[]}})",
       R"({"type":"object","properties":{"a":{},"b":{},"c":{},"d":{}}})"},
      {"keywords of the wrong kind",
       R"({"type":{},"title":1,"description":2,"format":3,"properties":[],"required":{},"anyOf":{},"allOf":"x",)"
       R"("items":5,"additionalProperties":"x","$ref":7,"$defs":[]})",
       "{}"},
      {"no schema", "[1]", "{}"},
      {"true", "true", "{}"},
  };
  ExpectAll(kCases);
}

TEST(ToolSchema, References) {
  constexpr Case kCases[] = {
      {"definitions",
       R"({"type":"object","properties":{"a":{"$ref":"#/definitions/A"}},"definitions":{"A":{"type":"string"},"B":{}}})",
       R"({"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"type":"string"}}})"},
      {"one that uses another",
       R"({"type":"array","items":{"$ref":"#/$defs/A"},"$defs":{"B":{"type":"string"},"A":{"items":{"$ref":"#/$defs/B"}}}})",
       R"({"type":"array","items":{"$ref":"#/$defs/A"},)"
       R"("$defs":{"A":{"type":"array","items":{"$ref":"#/$defs/B"}},"B":{"type":"string"}}})"},
      {"a description beside it: around it for a property, gone elsewhere",
       R"({"type":"object","properties":{"a":{"$ref":"#/$defs/A","description":"d","default":"x"},)"
       R"("b":{"type":"array","items":{"$ref":"#/$defs/A","description":"d","type":"string"}}},"$defs":{"A":{}}})",
       R"({"type":"object","properties":{"a":{"description":"d [default: x]","anyOf":[{"$ref":"#/$defs/A"}]},)"
       R"("b":{"type":"array","items":{"$ref":"#/$defs/A"}}},"$defs":{"A":{}}})"},
      {"allOf around one",
       R"({"type":"object","properties":{"a":{"allOf":[{"$ref":"#/$defs/A"}],"title":"A"}},"$defs":{"A":{}}})",
       R"({"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{}}})"},
      {"at the root", R"({"$ref":"#/definitions/A","$schema":"x","definitions":{"A":{"properties":{"a":{}}}}})",
       R"({"type":"object","properties":{"a":{}}})"},
      {"at the root, recursive",
       R"({"$ref":"#/$defs/A","$defs":{"A":{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}}}}})",
       R"({"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},)"
       R"("$defs":{"A":{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}}}}})"},
      {"into the middle",
       R"({"type":"object","properties":{"from":{"type":"object","properties":{"x":{"type":"number"}}},)"
       R"("to":{"$ref":"#/properties/from"}}})",
       R"({"type":"object","properties":{"from":{"$ref":"#/$defs/from"},"to":{"$ref":"#/$defs/from"}},)"
       R"("$defs":{"from":{"type":"object","properties":{"x":{"type":"number"}}}}})"},
      {"into a list",
       R"({"type":"object","properties":{"a":{"anyOf":[{"type":"string"}]},"b":{"$ref":"#/properties/a/anyOf/0"}}})",
       R"({"type":"object","properties":{"a":{"anyOf":[{"$ref":"#/$defs/0"}]},"b":{"$ref":"#/$defs/0"}},)"
       R"("$defs":{"0":{"type":"string"}}})"},
      {"escapes", R"({"items":{"$ref":"#/$defs/a~1b%20c"},"$defs":{"a/b c":{"type":"string"}}})",
       R"({"type":"array","items":{"$ref":"#/$defs/a_1b_20c"},"$defs":{"a_1b_20c":{"type":"string"}}})"},
      {"two names that become one",
       R"({"prefixItems":[{"$ref":"#/$defs/a:b"},{"$ref":"#/$defs/a_b"}],"$defs":{"a:b":{"type":"string"},"a_b":{}}})",
       R"({"type":"array","prefixItems":[{"$ref":"#/$defs/a_b"},{"$ref":"#/$defs/a_b_2"}],)"
       R"("$defs":{"a_b":{"type":"string"},"a_b_2":{}}})"},
      {"an anchor", R"({"items":{"$ref":"#it"},"$defs":{"A":{"$anchor":"it","type":"string"}}})",
       R"({"type":"array","items":{"$ref":"#/$defs/it"},"$defs":{"it":{"type":"string"}}})"},
      {"its own $id", R"({"$id":"http://a/b#","items":{"$ref":"http://a/b#/$defs/A"},"$defs":{"A":{"type":"string"}}})",
       R"({"type":"array","items":{"$ref":"#/$defs/A"},"$defs":{"A":{"type":"string"}}})"},
      {"definitions inside",
       R"({"type":"object","properties":{"a":{"$defs":{"A":{"type":"string"}},"items":{"$ref":"#/$defs/A"}}}})",
       R"({"type":"object","properties":{"a":{"type":"array","items":{"$ref":"#/$defs/A"}}},)"
       R"("$defs":{"A":{"type":"string"}}})"},
      {"elsewhere", R"({"type":"object","properties":{"a":{"$ref":"https://a/b.json","type":"string"}}})",
       R"({"type":"object","properties":{"a":{"type":"string"}}})"},
      {"nowhere", R"({"items":{"$ref":"#/$defs/None"}})", R"({"type":"array","items":{}})"},
      {"not to a schema", R"({"items":{"$ref":"#/type"},"type":"array"})", R"({"items":{},"type":"array"})"},
  };
  ExpectAll(kCases);
}

TEST(ToolSchema, Recursion) {
  constexpr Case kCases[] = {
      {"below an optional property",
       R"({"type":"object","properties":{"v":{},"next":{"$ref":"#"},"all":{"type":"array","items":{"$ref":"#"}}},)"
       R"("required":["v"]})",
       R"({"type":"object","properties":{"v":{},"next":{"$ref":"#"},"all":{"type":"array","items":{"$ref":"#"}}},)"
       R"("required":["v"]})"},
      {"below a required one", R"({"type":"object","properties":{"next":{"$ref":"#"}},"required":["next"]})",
       R"({"type":"object","properties":{"next":{"type":"object"}},"required":["next"]})"},
      {"through two definitions",
       R"({"items":{"$ref":"#/$defs/A"},"$defs":{"A":{"items":{"$ref":"#/$defs/B"}},)"
       R"("B":{"anyOf":[{"type":"string"},{"$ref":"#/$defs/A"}]}}})",
       R"({"type":"array","items":{"$ref":"#/$defs/A"},"$defs":{"A":{"type":"array","items":{"$ref":"#/$defs/B"}},)"
       R"("B":{"anyOf":[{"type":"string"},{"type":"array","items":{}}]}}})"},
      {"of references alone",
       R"({"items":{"$ref":"#/$defs/A"},"$defs":{"A":{"$ref":"#/$defs/B"},"B":{"$ref":"#/$defs/A"}}})",
       R"({"type":"array","items":{"$ref":"#/$defs/A"},"$defs":{"A":{"$ref":"#/$defs/B"},"B":{"type":"object"}}})"},
      {"of the root alone", R"({"$ref":"#"})", "{}"},
      {"through a map", R"({"type":"object","additionalProperties":{"$ref":"#"}})",
       R"({"type":"object","additionalProperties":{"type":"object"}})"},
  };
  ExpectAll(kCases);
  // Asked for less, it goes for optional ones too.
  EXPECT_EQ(Normalised(R"({"type":"object","properties":{"next":{"$ref":"#"}}})", SchemaDetail::kSimple),
            R"({"type":"object","properties":{"next":{"type":"object"}}})");
}

TEST(ToolSchema, AllOf) {
  constexpr Case kCases[] = {
      {"objects become one",
       R"({"description":"d","allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},)"
       R"({"$ref":"#/$defs/B"}],"$defs":{"B":{"type":"object","description":"e","properties":{"b":{}},"required":["b"]}}})",
       R"({"description":"d","type":"object","properties":{"a":{"type":"string"},"b":{}},"required":["a","b"]})"},
      {"inside each other", R"({"allOf":[{"allOf":[{"type":"integer"},{"minimum":1}]},{"maximum":3}]})",
       R"({"type":"integer","minimum":1,"maximum":3})"},
      {"what both say differently", R"({"allOf":[{"type":"string","format":"a"},{"type":"string","format":"b"}]})",
       R"({"type":"string","format":"a","description":"[format: b]"})"},
      {"a property of both",
       R"({"allOf":[{"properties":{"n":{"type":"integer"}}},{"properties":{"n":{"minimum":1}}}]})",
       R"({"type":"object","properties":{"n":{"type":"integer"}},"description":"[n: {\"minimum\":1}]"})"},
      {"itself", R"({"type":"object","properties":{"a":{}},"allOf":[{"$ref":"#"},{"$ref":"#"}]})",
       R"({"type":"object","properties":{"a":{}}})"},
  };
  ExpectAll(kCases);
}

TEST(ToolSchema, AskedForLess) {
  std::string words = R"("w0")";
  std::string listed = R"(\"w0\")";
  for (int i = 1; i < 20; ++i) {
    words += R"(,"w)" + std::to_string(i) + R"(")";
    listed += R"(, \"w)" + std::to_string(i) + R"(\")";
  }
  const struct {
    const char* name;
    std::string schema;
    std::string normalised;
  } cases[] = {
      {"bounds", R"({"type":"array","items":{"type":"integer","minimum":1,"exclusiveMaximum":9},"minItems":1})",
       R"({"type":"array","items":{"type":"integer","description":"[minimum: 1, exclusiveMaximum: 9]"},)"
       R"("description":"[minItems: 1]"})"},
      {"a long enum", R"({"type":"string","enum":[)" + words + "]}",
       R"({"type":"string","description":"[enum: )" + listed + R"(]"})"},
      {"a short enum", R"({"type":"string","enum":["a","b"]})", R"({"type":"string","enum":["a","b"]})"},
      {"other properties", R"({"type":"object","properties":{"a":{}},"additionalProperties":false})",
       R"({"type":"object","properties":{"a":{}}})"},
      {"depth", R"({"items":{"items":{"items":{"items":{"items":{"items":{"items":{"type":"string"}}}}}}}})",
       R"({"type":"array","items":{"type":"array","items":{"type":"array","items":{"type":"array","items":)"
       R"({"type":"array","items":{"type":"array","items":{"type":"array","items":{}}}}}}}})"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Normalised(c.schema, SchemaDetail::kSimple), c.normalised) << c.name;
    EXPECT_EQ(RefusalOf(c.normalised), "") << c.name;
  }
}

TEST(ToolSchema, ParametersAreAnObject) {
  const struct {
    const char* name;
    const char* schema;
    const char* parameters;
    bool is_wrapped;
  } cases[] = {
      {"an object", R"({"properties":{"a":{}}})", R"({"type":"object","properties":{"a":{}}})", false},
      {"an object or null", R"({"type":["object","null"],"properties":{"a":{}}})",
       R"({"type":"object","properties":{"a":{}}})", false},
      {"one of two objects", R"({"anyOf":[{"properties":{"a":{}}},{"type":"object"}]})",
       R"({"type":"object","anyOf":[{"type":"object","properties":{"a":{}}},{"type":"object"}]})", false},
      {"no type", R"({"description":"d"})", R"({"type":"object","description":"d"})", false},
      {"no schema", "true", R"({"type":"object"})", false},
      {"a string", R"({"type":"string","description":"d"})",
       R"({"type":"object","properties":{"value":{"type":"string","description":"d"}},"required":["value"]})", true},
      {"a list of itself",
       R"({"type":"array","items":{"$ref":"#/$defs/A"},"$defs":{"A":{"properties":{"a":{"$ref":"#"}}}}})",
       R"({"type":"object","properties":{"value":{"type":"array","items":{"$ref":"#/$defs/A"}}},"required":["value"],)"
       R"("$defs":{"A":{"type":"object","properties":{"a":{"$ref":"#/$defs/root"}}},)"
       R"("root":{"type":"array","items":{"$ref":"#/$defs/A"}}}})",
       true},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Parameters(c.schema), c.parameters) << c.name;
    EXPECT_EQ(RefusalOf(c.parameters), "") << c.name;
    EXPECT_EQ(IsWrapped(json::Document::Parse(c.schema)->root()), c.is_wrapped) << c.name;
  }
  const auto text = [](const char* arguments) {
    const auto document = json::Document::Parse(arguments);
    return json::ToText(Unwrap(document->root()));
  };
  EXPECT_EQ(text(R"({"value":"x"})"), R"("x")");
  EXPECT_EQ(text(R"({"value":[1.0]})"), "[1.0]");
  EXPECT_EQ(text(R"({"value":1,"other":2})"), R"({"value":1,"other":2})");
  EXPECT_EQ(text("{}"), "{}");
}

TEST(ToolSchema, BareObjects) {
  const struct {
    const char* schema;
    bool is_bare;
  } cases[] = {
      {"{}", true},
      {R"({"type":"object"})", true},
      {R"({"type":"object","properties":{},"required":[],"additionalProperties":false,"$schema":"x"})", true},
      {R"({"type":"object","properties":{"a":{}}})", false},
      {R"({"type":"object","additionalProperties":{"type":"string"}})", false},
      {R"({"type":"string"})", false},
      {R"({"$ref":"#/$defs/A","$defs":{"A":{}}})", false},
  };
  for (const auto& c : cases) EXPECT_EQ(IsBareObject(json::Document::Parse(c.schema)->root()), c.is_bare) << c.schema;
}

}  // namespace
}  // namespace gc
