// seeds.cc: inputs to begin with: what the tests have already.
// SPDX-License-Identifier: MIT
#include <fstream>
#include <sstream>

#include "base/config.h"
#include "base/json.h"
#include "fuzz/fuzz.h"
#include "support/fake_gemini_fields.h"
#include "unit/vector_compare.h"

namespace gc::fuzz {
namespace {

using json::Value;

// What a golden vector holds. Tables have several requests.
struct Exchange {
  std::vector<std::string> requests;  // bodies
  std::string answer;                 // Gemini's, an event a line, each after its LF
  std::string wire;                   // the same as it came
};

void TakeAnswer(const Value& response, Exchange* exchange) {
  if (const Value* sse = response.Find("sse")) {
    for (const Value& event : sse->Items()) {
      exchange->answer.append("\n").append(json::ToText(event));
      exchange->wire.append("data: ").append(json::ToText(event)).append("\r\n\r\n");
    }
  }
  if (const Value* body = response.Find("body")) exchange->answer.append("\n").append(json::ToText(*body));
  if (const Value* chunks = response.Find("raw_base64_chunks")) {
    for (const Value& chunk : chunks->Items()) {
      std::string bytes;
      test::fake::DecodeBase64(chunk.Text(), &bytes);
      exchange->wire += bytes;
    }
  }
}

// The part of a vector that concerns this path.
Exchange ReadVector(const Value& vector, std::string_view path) {
  Exchange exchange;
  const auto take = [&](const Value* request) {
    const Value* body = request == nullptr ? nullptr : request->Find("body");
    if (body != nullptr && request->StringOr("path", "").starts_with(path)) {
      exchange.requests.push_back(json::ToText(*body));
    }
  };
  take(vector.Find("client_request"));
  if (const Value* cases = vector.Find("cases")) {
    for (const Value& entry : cases->Items()) take(entry.Find("request"));
  }
  if (exchange.requests.empty()) return exchange;
  if (const Value* upstream = vector.Find("upstream")) {
    for (const Value& call : upstream->Items()) {
      if (const Value* response = call.Find("response")) TakeAnswer(*response, &exchange);
    }
  }
  return exchange;
}

std::vector<Exchange> ReadVectors(std::string_view path) {
  std::vector<Exchange> exchanges;
  for (const std::string& name : VectorNames()) {
    Exchange exchange = ReadVector(LoadVector(name).root(), path);
    if (!exchange.requests.empty()) exchanges.push_back(std::move(exchange));
  }
  return exchanges;
}

std::string_view PathOf(std::string_view target) {
  if (target.starts_with("chat")) return "/v1/chat/completions";
  return target.starts_with("anthropic") ? "/v1/messages" : "/v1/";
}

std::vector<std::string> ToolSchemas() {
  std::ostringstream text;
  text << std::ifstream("tests/unit/tool_schemas.json").rdbuf();
  std::vector<std::string> schemas;
  const auto document = json::Document::Parse(text.str());
  if (!document.ok()) return schemas;
  for (const json::Member& member : document->root().Members()) schemas.push_back(json::ToText(member.value));
  return schemas;
}

// The sample with every key set.
std::vector<std::string> Configurations() {
  std::string all = SampleConfig();
  for (size_t at = all.find("\n#"); at != std::string::npos; at = all.find("\n#", at + 1)) {
    if (all.compare(at, 3, "\n# ") != 0) all.erase(at + 1, 1);
  }
  return {SampleConfig(), all, Config::Defaults().ToFile()};
}

}  // namespace

std::vector<std::string> Seeds(std::string_view target) {
  if (target == "tool-schema") return ToolSchemas();
  if (target == "config") return Configurations();
  std::vector<std::string> seeds;
  for (const Exchange& exchange : ReadVectors(PathOf(target))) {
    if (target == "sse") {
      if (!exchange.wire.empty()) seeds.push_back(std::string(1, '\0') + "\x07 \n" + exchange.wire);
    } else if (target.ends_with("-answer")) {
      if (!exchange.answer.empty()) seeds.push_back(exchange.requests.front() + exchange.answer);
    } else {
      seeds.insert(seeds.end(), exchange.requests.begin(), exchange.requests.end());
    }
  }
  return seeds;
}

}  // namespace gc::fuzz
