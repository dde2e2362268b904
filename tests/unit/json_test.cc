// json_test.cc: JSON reading that keeps what was written, refusals, and the writer.
// SPDX-License-Identifier: MIT
#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace gc::json {
namespace {

Document MustParse(const std::string& text) {
  auto document = Document::Parse(text);
  if (!document.ok()) {
    ADD_FAILURE() << text.substr(0, 80) << ": " << document.error().message;
    return std::move(*Document::Parse("null"));
  }
  return std::move(*document);
}

TEST(Json, RoundTripKeepsWhatWasWritten) {
  const struct {
    const char* name;
    const char* in;
    const char* out;  // nullptr: as in
  } cases[] = {
      {"key order", R"({"z":1,"a":2,"m":{"y":null,"b":true}})", nullptr},
      {"duplicate keys", R"({"a":1,"a":2})", nullptr},
      {"trailing zero", "1.0", nullptr},
      {"exponent", "[1E5,1e+05,1e-7,2.50e0]", nullptr},
      {"minus zero", "[-0,-0.0]", nullptr},
      {"beyond 64 bits", "[18446744073709551616,123456789012345678901234567890]", nullptr},
      {"more digits than a double", "0.1000000000000000055511151231257827021181583404541015625", nullptr},
      {"largest double", "1e308", nullptr},
      {"smaller than any double", "1e-999", nullptr},
      {"blanks go", " \t\r\n{ \"a\" : [ 1 , 2 ] } \n", R"({"a":[1,2]})"},
      {"escapes become characters", R"("\u00e4\/\ud83d\ude00")", "\"\xC3\xA4/\xF0\x9F\x98\x80\""},
      {"controls stay escaped", R"("\u0000\n\t\u001f\"\\")", R"("\u0000\n\t\u001F\"\\")"},
      {"empty containers", R"([{},[],""])", nullptr},
      {"bare literals", "[true,false,null]", nullptr},
      {"empty key", R"({"":0})", nullptr},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(ToText(MustParse(c.in).root()), c.out != nullptr ? c.out : c.in);
  }
}

TEST(Json, RefusesWhatIsNotJson) {
  using namespace std::string_literals;
  const struct {
    const char* name;
    std::string text;
    const char* message;  // a part of it
  } cases[] = {
      {"empty", "", "empty"},
      {"blanks only", " \n", "empty"},
      {"trailing text", "{} x", "offset 3"},
      {"two values", "1 2", "offset 2"},
      {"trailing comma", "[1,]", "offset 3"},
      {"comment", "[1] // one", "offset"},
      {"single quotes", "['a']", "offset 1"},
      {"bare word", "[NaN]", "offset 1"},
      {"infinity", "-Infinity", "offset"},
      {"leading zero", "01", "offset 1"},
      {"leading plus", "+1", "offset 0"},
      {"no digit after the point", "1.", "offset"},
      {"no digit after the exponent", "1e", "offset"},
      {"beyond every double", "1e999", "offset 0"},
      {"open string", "\"abc", "offset"},
      {"open object", "{\"a\":1", "offset"},
      {"raw control in a string", "\"a\nb\"", "offset 2"},
      {"unknown escape", R"("\x41")", "offset"},
      {"byte order mark", "\xEF\xBB\xBF{}", "offset 0"},
      {"NUL at the end", "{}\0"s, "NUL byte at offset 2"},
      {"NUL and text that would be lost", "{}\0{\"a\":1}"s, "NUL byte at offset 2"},
      {"NUL in a string", "\"a\0b\""s, "NUL byte at offset 2"},
      {"lone high surrogate", R"(["\ud800"])", "offset"},
      {"high surrogate before text", R"(["\ud800abc"])", "offset"},
      {"two high surrogates", R"(["\ud800\ud800"])", "offset"},
      {"lone low surrogate", R"(["\udc00"])", "lone surrogate"},
      {"low surrogate as a key", R"({"a\udfff":1})", "lone surrogate"},
      {"surrogates in the wrong order", R"(["\udc00\ud800"])", "surrogate"},
      {"stray continuation byte", "\"\x80\"", "offset"},
      {"first byte of a sequence at the end", "\"a\xE2", "offset 2"},
      {"first byte of a sequence before the end", "\"a\xF0^", "offset 2"},
      {"overlong slash", "\"\xC0\xAF\"", "offset"},
      {"surrogate in UTF-8", "\"\xED\xA0\x80\"", "offset"},
      {"beyond U+10FFFF", "\"\xF4\x90\x80\x80\"", "offset"},
      {"cut sequence", "\"\xE2\x82\"", "offset"},
      {"Latin-1 in a key", "{\"\xE4\":1}", "offset"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto document = Document::Parse(c.text);
    ASSERT_FALSE(document.ok());
    EXPECT_EQ(document.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(document.error().message.find(c.message), std::string::npos) << document.error().message;
    EXPECT_FALSE(document.error().message.ends_with('.')) << document.error().message;
  }
}

std::string Nested(size_t depth, const std::string& open, const std::string& close) {
  std::string text;
  for (size_t i = 0; i < depth; ++i) text += open;
  text += "1";
  for (size_t i = 0; i < depth; ++i) text += close;
  return text;
}

TEST(Json, DepthIsBounded) {
  EXPECT_EQ(ToText(MustParse(Nested(128, "[", "]")).root()), Nested(128, "[", "]"));
  EXPECT_EQ(ToText(MustParse(Nested(64, "{\"a\":[", "]}")).root()), Nested(64, "{\"a\":[", "]}"));
  for (const std::string& text : {Nested(129, "[", "]"), Nested(129, "{\"a\":", "}"), std::string(100000, '['),
                                  "{\"a\":" + std::string(100000, '[')}) {
    const auto document = Document::Parse(text);
    ASSERT_FALSE(document.ok());
    EXPECT_EQ(document.error().kind, ErrorKind::kInvalid);
    EXPECT_TRUE(document.error().message.starts_with("nesting deeper than 128 levels")) << document.error().message;
  }
  // Side by side is not deep.
  std::string wide = "[[]";
  for (int i = 0; i < 1000; ++i) wide += ",[[]]";
  EXPECT_EQ(MustParse(wide + "]").root().Items().size(), 1001U);
}

TEST(Json, FindTakesTheLastOfDuplicates) {
  const Document document = MustParse(R"({"a":1,"b":2,"a":3})");
  EXPECT_EQ(document.root().Find("a")->Int(), 3);
  EXPECT_EQ(document.root().Members().size(), 3U);
  EXPECT_EQ(document.root().Find("c"), nullptr);
  EXPECT_EQ(document.root().Find(""), nullptr);
}

TEST(Json, NulEscapeIsPartOfTheString) {
  const Document document = MustParse(R"({"a\u0000b":"c\u0000d"})");
  const Value* value = document.root().Find(std::string_view("a\0b", 3));
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(value->String(), std::string_view("c\0d", 3));
  EXPECT_EQ(document.root().Find("a"), nullptr);
}

TEST(Json, IntReadsIntegralNumbersOnly) {
  const struct {
    const char* text;
    std::optional<int64_t> want;
  } cases[] = {
      {"0", 0},
      {"-0", 0},
      {"3", 3},
      {"3.0", 3},
      {"3e2", 300},
      {"-2.5e1", -25},
      {"3.5", std::nullopt},
      {"1e-1", std::nullopt},
      {"9223372036854775807", INT64_MAX},
      {"-9223372036854775808", INT64_MIN},
      {"9223372036854775808", std::nullopt},
      {"1e18", std::nullopt},
      {"9007199254740991.0", 9007199254740991},
      {"9007199254740993.0", std::nullopt},  // its double is another integer
      {"1e300", std::nullopt},
      {"1e-999", 0},
      {"\"3\"", std::nullopt},
      {"true", std::nullopt},
      {"null", std::nullopt},
      {"[3]", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(MustParse(c.text).root().Int(), c.want) << c.text;
}

TEST(Json, DoubleReadsEveryNumber) {
  const struct {
    const char* text;
    std::optional<double> want;
  } cases[] = {
      {"0.7", 0.7},
      {"-1.5e3", -1500.0},
      {"1e308", 1e308},
      {"9e308", HUGE_VAL},
      {"-9e308", -HUGE_VAL},
      {"1e-999", 0.0},
      {"5e-324", 5e-324},
      {"12", 12.0},
      {"18446744073709551616", 18446744073709551616.0},
      {"\"1\"", std::nullopt},
      {"false", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(MustParse(c.text).root().Double(), c.want) << c.text;
}

TEST(Json, TypedMembersFallBack) {
  const Document document = MustParse(R"({"s":"x","n":7,"quoted":"42","bad":"42x","b":true,"null":null,"float":1.5})");
  const Value& root = document.root();
  EXPECT_EQ(root.StringOr("s", "f"), "x");
  EXPECT_EQ(root.StringOr("n", "f"), "f");
  EXPECT_EQ(root.StringOr("none", "f"), "f");
  EXPECT_EQ(root.IntOr("n", -1), 7);
  EXPECT_EQ(root.IntOr("quoted", -1), 42);
  EXPECT_EQ(root.IntOr("bad", -1), -1);
  EXPECT_EQ(root.IntOr("float", -1), -1);
  EXPECT_EQ(root.IntOr("null", -1), -1);
  EXPECT_TRUE(root.BoolOr("b", false));
  EXPECT_TRUE(root.BoolOr("n", true));
  EXPECT_FALSE(root.BoolOr("null", false));
  EXPECT_EQ(root.Items().size(), 0U);
  EXPECT_EQ(root.Text(), "");
  EXPECT_EQ(root.Find("s")->Find("x"), nullptr);
}

TEST(Json, ValuesOutliveAMoveOfTheirDocument) {
  Document first = MustParse(R"({"a":["short",1.50]})");
  const Value root = first.root();
  const Document second = std::move(first);
  EXPECT_EQ(ToText(root), R"({"a":["short",1.50]})");
  EXPECT_EQ(ToText(second.root()), R"({"a":["short",1.50]})");
}

TEST(Json, WriterNestsAndEscapes) {
  const Document copied = MustParse(R"({"k":[1.0,"\u00e4"]})");
  std::string out = "before ";
  Writer w(&out);
  w.BeginObject().Key("a\"b").String("line\nbreak \xC3\xA4 \x01").Key("n").BeginArray();
  w.Int(INT64_MIN).Int(0).Double(0.5).Bool(true).Bool(false).Null().EndArray();
  w.Key("raw").Raw(R"({"x":1.0})").Key("copy").Copy(copied.root()).Key("empty").BeginObject().EndObject().EndObject();
  EXPECT_EQ(out,
            "before {\"a\\\"b\":\"line\\nbreak \xC3\xA4 \\u0001\",\"n\":[-9223372036854775808,0,0.5,true,false,null],"
            "\"raw\":{\"x\":1.0},\"copy\":{\"k\":[1.0,\"\xC3\xA4\"]},\"empty\":{}}");
  EXPECT_EQ(w.out(), &out);
}

// Text goes out eight bytes at a time, so the place of a byte must not matter, nor what stands beside it.
TEST(Json, WriterEscapesEveryByteAtEveryPlace) {
  for (int byte = 0; byte < 0x80; ++byte) {
    for (size_t place = 0; place < 17; ++place) {
      std::string text(17, 'x');
      text[place] = static_cast<char>(byte);
      if (place > 0) text[place - 1] = '\x7F';
      if (place < 16) text[place + 1] = '!';
      std::string written;
      json::Writer(&written).String(text);
      for (const char c : written) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << "byte " << byte << " at " << place;
      EXPECT_EQ(MustParse(written).root().Text(), text) << "byte " << byte << " at " << place;
    }
  }
}

TEST(Json, CleanUtf8ReplacesMalformedSequences) {
  const std::string r = "\xEF\xBF\xBD";
  const struct {
    const char* name;
    std::string in;
    std::string out;
  } cases[] = {
      {"empty", "", ""},
      {"ASCII", "abc\x7F", "abc\x7F"},
      {"two, three, four bytes", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {"first and last of each length", "\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF",
       "\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"},
      {"around the surrogates", "\xED\x9F\xBF\xEE\x80\x80", "\xED\x9F\xBF\xEE\x80\x80"},
      {"NUL", std::string("a\0b", 3), std::string("a\0b", 3)},
      {"stray continuation", "a\x80z", "a" + r + "z"},
      {"overlong two", "\xC0\xAF", r + r},
      {"overlong three", "\xE0\x9F\xBF", r + r + r},
      {"overlong four", "\xF0\x8F\xBF\xBF", r + r + r + r},
      {"surrogate", "\xED\xA0\x80", r + r + r},
      {"beyond U+10FFFF", "\xF4\x90\x80\x80", r + r + r + r},
      {"no such lead byte", "\xF5\xFF", r + r},
      {"cut at the end", "ok\xE2\x82", "ok" + r + r},
      {"lead before ASCII", "\xC3(", r + "("},
      {"lead before a good one", "\xE2\xC3\xA4", r + "\xC3\xA4"},
      {"Latin-1",
       "Gr\xFC\xDF"
       "e",
       "Gr" + r + r + "e"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(CleanUtf8(c.in), c.out);
    EXPECT_EQ(CleanUtf8(c.out), c.out);
  }
}

// The parser and the cleaner must agree on what UTF-8 is, or cleaned text would be refused.
TEST(Json, EveryTwoByteStringIsParsableOnceClean) {
  for (int high = 0x80; high < 0x100; ++high) {
    for (int low = 0x20; low < 0x100; ++low) {
      if (low == '"' || low == '\\') continue;
      const std::string bytes{static_cast<char>(high), static_cast<char>(low), 'z'};
      const std::string clean = CleanUtf8(bytes);
      ASSERT_TRUE(Document::Parse('"' + clean + '"').ok()) << high << " " << low;
      ASSERT_EQ(Document::Parse('"' + bytes + '"').ok(), clean == bytes) << high << " " << low;
    }
  }
}

}  // namespace
}  // namespace gc::json
