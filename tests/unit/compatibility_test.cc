// compatibility_test.cc: the tables of request fields in docs/compatibility.md and what the parsers do: each field that
// stands there does what it says there, and no other field does anything.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <set>
#include <span>
#include <sstream>

#include "anthropic_replay.h"
#include "chat_replay.h"
#include "mutations.h"
#include "support/temp_dir.h"

namespace gc {
namespace {

using json::Value;

enum class Effect {
  kRequest,  // on what Gemini is asked
  kAnswer,   // only on what the client gets
  kNothing,  // accepted, not sent on
  kRefused,  // 501
};

struct Case {
  std::string_view field;    // as in the table
  std::string_view beside;   // members that it needs
  std::string_view members;  // those with the field
  std::string_view wrong;    // the same with a value that is refused by the field's name; empty: none is
  Effect effect = Effect::kRequest;
};

constexpr std::string_view kTools = R"("tools":[{"type":"function","function":{"name":"f"}}])";
constexpr std::string_view kLogprobsModel = R"("model":"gemini-2.0-flash")";

constexpr Case kChatCases[] = {
    {"model", "", R"("model":"gemini-2.5-flash")", R"("model":1)"},
    {"messages", "", R"("messages":[{"role":"user","content":"y"}])", R"("messages":1)"},
    {"tools", "", kTools, R"("tools":1)"},
    {"functions", "", R"("functions":[{"name":"f"}])", R"("functions":1)"},
    {"tool_choice", kTools, R"("tool_choice":"required")", R"("tool_choice":1)"},
    {"function_call", R"("functions":[{"name":"f"}])", R"("function_call":{"name":"f"})", R"("function_call":1)"},
    {"parallel_tool_calls", kTools, R"("parallel_tool_calls":false)", R"("parallel_tool_calls":1)", Effect::kAnswer},
    {"max_completion_tokens", "", R"("max_completion_tokens":5000)", R"("max_completion_tokens":"x")"},
    {"max_tokens", "", R"("max_tokens":5000)", R"("max_tokens":"x")"},
    {"temperature", "", R"("temperature":0.5)", R"("temperature":"x")"},
    {"top_p", "", R"("top_p":0.5)", R"("top_p":"x")"},
    {"top_k", "", R"("top_k":5)", R"("top_k":"x")"},
    {"stop", "", R"("stop":"x")", R"("stop":1)"},
    {"seed", "", R"("seed":5)", R"("seed":"x")"},
    {"n", kLogprobsModel, R"("n":2)", R"("n":"x")"},
    {"logprobs", kLogprobsModel, R"("logprobs":true)", R"("logprobs":1)"},
    {"top_logprobs", R"("model":"gemini-2.0-flash","logprobs":true)", R"("top_logprobs":3)", R"("top_logprobs":"x")"},
    {"response_format", "", R"("response_format":{"type":"json_object"})", R"("response_format":1)"},
    {"reasoning_effort", "", R"("reasoning_effort":"high")", R"("reasoning_effort":1)"},
    {"modalities", "", R"("modalities":["text","image"])", R"("modalities":1)"},
    {"web_search_options", "", R"("web_search_options":{})", R"("web_search_options":1)"},
    {"service_tier", "", R"("service_tier":"flex")", R"("service_tier":1)"},
    {"stream", "", R"("stream":true)", R"("stream":1)"},
    {"stream_options.include_usage", R"("stream":true)", R"("stream_options":{"include_usage":true})",
     R"("stream_options":{"include_usage":1})", Effect::kAnswer},
    {"google", "", R"("google":{"cached_content":"cachedContents/x"})", R"("google":1)"},
    {"extra_body.google", "", R"("extra_body":{"google":{"cached_content":"cachedContents/x"}})",
     R"("extra_body":{"google":1})"},
    {"audio", "", "", "", Effect::kNothing},
    {"logit_bias", "", "", "", Effect::kNothing},
    {"presence_penalty", "", "", "", Effect::kNothing},
    {"frequency_penalty", "", "", "", Effect::kNothing},
    {"verbosity", "", "", "", Effect::kNothing},
    {"prediction", "", "", "", Effect::kNothing},
    {"store", "", "", "", Effect::kNothing},
    {"metadata", "", "", "", Effect::kNothing},
    {"user", "", "", "", Effect::kNothing},
    {"safety_identifier", "", "", "", Effect::kNothing},
    {"prompt_cache_key", "", "", "", Effect::kNothing},
    {"prompt_cache_options", "", "", "", Effect::kNothing},
    {"prompt_cache_retention", "", "", "", Effect::kNothing},
    {"moderation", "", "", "", Effect::kNothing},
};

constexpr Case kAnthropicCases[] = {
    {"model", "", R"("model":"gemini-2.5-flash")", R"("model":1)"},
    {"max_tokens", "", R"("max_tokens":100)", R"("max_tokens":"x")"},
    {"system", "", R"("system":"s")", R"("system":1)"},
    {"messages", "", R"("messages":[{"role":"user","content":"y"}])", R"("messages":1)"},
    {"temperature", "", R"("temperature":0.5)", R"("temperature":"x")"},
    {"top_p", "", R"("top_p":0.5)", R"("top_p":"x")"},
    {"top_k", "", R"("top_k":5)", R"("top_k":"x")"},
    {"stop_sequences", "", R"("stop_sequences":["x"])", R"("stop_sequences":1)"},
    {"stream", "", R"("stream":true)", R"("stream":1)"},
    {"thinking", "", R"("thinking":{"type":"enabled","budget_tokens":20000})", R"("thinking":1)"},
    {"output_config.effort", "", R"("output_config":{"effort":"max"})", R"("output_config":{"effort":1})"},
    {"output_config.format", "", R"("output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}})",
     R"("output_config":{"format":1})"},
    {"output_format", "", R"("output_format":{"type":"json_schema","schema":{"type":"object"}})",
     R"("output_format":1)"},
    {"tools", "", R"("tools":[{"name":"f"}])", R"("tools":1)"},
    {"defer_loading", R"("tools":[{"name":"f"}])", R"("tools":[{"name":"f","defer_loading":true}])",
     R"("tools":[{"name":"f","defer_loading":1}])"},
    {"tool_choice", R"("tools":[{"name":"f"}])", R"("tool_choice":{"type":"any"})", R"("tool_choice":1)"},
    {"service_tier", "", R"("service_tier":"standard_only")", R"("service_tier":1)"},
    {"context_management", "", R"("context_management":{})", R"("context_management":1)", Effect::kAnswer},
    {"metadata", "", "", "", Effect::kNothing},
    {"cache_control", "", "", "", Effect::kNothing},
    {"container", "", "", "", Effect::kNothing},
    {"speed", "", "", "", Effect::kNothing},
    {"inference_geo", "", "", "", Effect::kNothing},
    {"mcp_servers", "", R"("mcp_servers":[{"type":"url","url":"https://example.org/mcp"}])", R"("mcp_servers":1)",
     Effect::kRefused},
};

// A calls f twice; the tokens are counted.
constexpr char kGeminiAnswer[] =
    R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}}},)"
    R"({"functionCall":{"name":"f","args":{"a":1}}}]},"finishReason":"STOP"}],)"
    R"("usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3}})";

struct Protocol {
  std::string_view section;  // of the page
  std::string_view column;   // the table's first
  std::string_view path;     // of the vectors' requests
  std::string_view base;     // members that every request has
  std::span<const Case> cases;
  Result<gemini::Request, ApiError> (*parse)(const std::string& body);
  Reply (*unary)(const std::string& body, int status, const std::string& answer);
  Reply (*stream)(const std::string& body, const std::vector<std::string_view>& pieces);
};

const Protocol kProtocols[] = {
    {"OpenAI Chat Completions", "Request field", "/v1/chat/completions",
     R"("model":"gemini-3.8-flash","messages":[{"role":"user","content":"x"}])", kChatCases,
     [](const std::string& body) { return ParseChat(body); }, ReplayUnary, ReplayStream},
    {"Anthropic Messages", "Field", "/v1/messages",
     R"("model":"gemini-3.8-flash","max_tokens":5000,"messages":[{"role":"user","content":"x"}])", kAnthropicCases,
     [](const std::string& body) { return ParseMessages(body); }, AnthropicUnary, AnthropicStream},
};

void PrintTo(const Protocol& protocol, std::ostream* out) { *out << protocol.section; }

class Compatibility : public testing::TestWithParam<Protocol> {
 protected:
  // Later members count before earlier ones of the same name.
  static std::string Body(std::string_view beside, std::string_view members = {}) {
    std::string body = "{" + std::string(GetParam().base);
    for (const std::string_view more : {beside, members}) body.append(more.empty() ? "" : ",").append(more);
    return body + "}";
  }

  // What Gemini is asked, or why it is not.
  static std::string Outcome(const std::string& body) {
    const auto parsed = GetParam().parse(body);
    if (!parsed.ok()) return parsed.error().param + ": " + parsed.error().message;
    return parsed->model + (parsed->stream ? " streams " : " ") + parsed->body;
  }

  static std::string Answers(const std::string& body) {
    const std::string event = std::string("data: ") + kGeminiAnswer + "\n\n";
    return GetParam().unary(body, 200, kGeminiAnswer).body + GetParam().stream(body, {event}).body;
  }

  static void ExpectNothing(std::string_view field) {
    const std::string without = Body("");
    for (const std::string_view value : kReplacements) {
      const std::string body = Body("\"" + std::string(field) + "\":" + std::string(value));
      ASSERT_EQ(Outcome(body), Outcome(without)) << field << " is not ignored";
      ASSERT_TRUE(Answers(body) == Answers(without)) << field << " is not ignored: " << Answers(body);
    }
  }

  // The names in code type in the table's first column.
  static std::set<std::string> Documented() {
    std::set<std::string> fields;
    std::istringstream page(ReadFile("docs/compatibility.md"));
    bool in_section = false;
    bool in_table = false;
    for (std::string line; std::getline(page, line);) {
      if (line.starts_with("## ")) in_section = line == "## " + std::string(GetParam().section);
      if (!line.starts_with("| ")) in_table = in_table && line.starts_with("|---");
      if (in_section && line.starts_with("| " + std::string(GetParam().column) + " |")) in_table = true;
      if (!in_table) continue;
      const std::string cell = line.substr(0, line.find('|', 1));
      for (size_t at = cell.find('`'); at != std::string::npos;) {
        const size_t end = cell.find('`', at + 1);
        fields.insert(cell.substr(at + 1, end - at - 1));
        at = cell.find('`', end + 1);
      }
    }
    return fields;
  }

  // Words that somebody may send: of both protocols, of the vectors' requests.
  static std::set<std::string> Words() {
    std::set<std::string> words;
    for (const Protocol& protocol : kProtocols) {
      for (const Case& c : protocol.cases) words.insert(std::string(c.field.substr(0, c.field.find('.'))));
    }
    EachClientRequest([&](const Value& body) {
      for (const json::Member& member : body.Members()) words.insert(std::string(member.name.Text()));
    });
    std::istringstream dictionary(ReadFile("tests/fuzz/words.dict"));
    for (std::string line; std::getline(dictionary, line);) {
      constexpr std::string_view kQuote = "\"\\\"";
      const size_t end = line.find("\\\"\"");
      if (line.starts_with(kQuote) && end != std::string::npos) words.insert(line.substr(3, end - 3));
    }
    return words;
  }
};
INSTANTIATE_TEST_SUITE_P(Protocols, Compatibility, testing::ValuesIn(kProtocols), [](const auto& entry) {
  return entry.param.path == "/v1/messages" ? "Anthropic" : "OpenAiChat";
});

TEST_P(Compatibility, EveryFieldIsInTheTableAndInTheCases) {
  std::set<std::string> cases;
  for (const Case& c : GetParam().cases) cases.emplace(c.field);
  EXPECT_EQ(cases, Documented());
}

TEST_P(Compatibility, FieldsDoWhatTheTableSays) {
  for (const Case& c : GetParam().cases) {
    SCOPED_TRACE(c.field);
    const std::string with = Body(c.beside, c.members);
    const std::string without = Body(c.beside);
    const auto parsed = GetParam().parse(with);
    switch (c.effect) {
      case Effect::kRequest:
        EXPECT_TRUE(parsed.ok()) << Outcome(with);
        EXPECT_NE(Outcome(with), Outcome(without));
        break;
      case Effect::kAnswer:
        EXPECT_EQ(Outcome(with), Outcome(without));
        EXPECT_NE(Answers(with), Answers(without));
        break;
      case Effect::kNothing:
        ExpectNothing(c.field);
        break;
      case Effect::kRefused:
        ASSERT_FALSE(parsed.ok());
        EXPECT_EQ(parsed.error().kind, ApiErrorKind::kNotImplemented);
        EXPECT_EQ(parsed.error().param, c.field);
        break;
    }
    if (c.wrong.empty()) continue;
    const auto refused = GetParam().parse(Body(c.beside, c.wrong));
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ApiErrorKind::kInvalidRequest);
    EXPECT_TRUE(refused.error().param.ends_with(c.field)) << refused.error().param;
  }
}

TEST_P(Compatibility, WhatIsNotInTheTableIsIgnored) {
  std::set<std::string> known;
  for (const std::string& field : Documented()) known.insert(field.substr(0, field.find('.')));
  size_t unknown = 0;
  for (const std::string& word : Words()) {
    if (known.contains(word)) continue;
    ++unknown;
    ExpectNothing(word);
  }
  EXPECT_GT(unknown, 100U) << "run the tests from the repository's root";
}

}  // namespace
}  // namespace gc
