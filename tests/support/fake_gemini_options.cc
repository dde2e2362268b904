// fake_gemini_options.cc: tools, toolConfig and generationConfig, by model family.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_options.h"

#include <algorithm>
#include <set>
#include <vector>

#include "support/fake_gemini_fields.h"
#include "support/fake_gemini_schema.h"

namespace gc::test::fake {
namespace {

using Failed = std::optional<Failure>;
using Values = std::vector<const json::Value*>;

constexpr std::string_view kBuiltIns[] = {"googleSearch", "urlContext",  "codeExecution", "googleMaps",
                                          "fileSearch",   "computerUse", "mcpServers"};
constexpr size_t kMaxFunctions = 512;
constexpr size_t kMaxNameLength = 64;
constexpr size_t kMaxStopSequences = 5;

std::string Index(std::string_view name, size_t i) { return std::string(name) + "[" + std::to_string(i) + "]"; }

Failure Line(const std::string& field, std::string_view problem) {
  return InvalidArgument("* GenerateContentRequest." + field + ": " + std::string(problem) + "\n");
}

bool Same(std::string_view a, std::string_view upper) {
  return std::equal(a.begin(), a.end(), upper.begin(), upper.end(),
                    [](char x, char y) { return (x >= 'a' && x <= 'z' ? x - 32 : x) == y; });
}

bool IsLegalName(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto legal = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-'; };
  return !name.empty() && name.size() <= kMaxNameLength && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), legal);
}

// ---- tools ----

struct Tools {
  std::set<std::string_view> functions;
  bool has_builtin = false;
};

Failed CheckDeclaration(const json::Value& function, const std::string& at, Tools* tools) {
  const std::string_view name = GetText(function, "name");
  if (!IsLegalName(name)) {
    return Line(at + ".name",
                "[FIELD_INVALID] Invalid function name. Must start with a letter or an underscore. Must be "
                "alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum "
                "length of 64.");
  }
  if (!tools->functions.insert(name).second) {
    return InvalidArgument("Duplicate function declaration found: " + std::string(name));
  }
  if (Get(function, "parameters") != nullptr && Get(function, "parametersJsonSchema") != nullptr) {
    return Line(at, "only one of parameters and parameters_json_schema may be set");
  }
  if (const json::Value* parameters = Get(function, "parameters")) {
    std::vector<std::string> lines;
    CheckOpenApiSchema(*parameters, "GenerateContentRequest." + at + ".parameters", &lines);
    std::string message;
    for (const std::string& line : lines) message += line + "\n";
    if (!message.empty()) return InvalidArgument(message);
  }
  return std::nullopt;
}

Failed CheckTools(const json::Value& root, Tools* tools) {
  const Values list = List(root, "tools");
  for (size_t i = 0; i < list.size(); ++i) {
    const bool builtin = std::any_of(std::begin(kBuiltIns), std::end(kBuiltIns),
                                     [&](std::string_view f) { return Get(*list[i], f) != nullptr; });
    const Values functions = List(*list[i], "functionDeclarations");
    if (!builtin && functions.empty()) {
      return Line(Index("tools", i) + ".tool_type", "required one_of 'tool_type' must have one initialized field");
    }
    tools->has_builtin |= builtin;
    for (size_t k = 0; k < functions.size(); ++k) {
      const std::string at = Index("tools", i) + "." + Index("function_declarations", k);
      if (Failed f = CheckDeclaration(*functions[k], at, tools)) return f;
    }
  }
  if (tools->functions.size() > kMaxFunctions) {
    return Line("tools", "at most 512 function declarations are supported");
  }
  return std::nullopt;
}

std::string_view Mode(const json::Value& root) {
  const json::Value* config = Get(root, "toolConfig");
  const json::Value* calling = config == nullptr ? nullptr : Get(*config, "functionCallingConfig");
  return calling == nullptr ? "" : GetText(*calling, "mode");
}

Failed CheckToolConfig(const Model& model, const json::Value& root, const Tools& tools) {
  const json::Value* config = Get(root, "toolConfig");
  const json::Value* calling = config == nullptr ? nullptr : Get(*config, "functionCallingConfig");
  const std::string_view mode = Mode(root);
  const Values allowed = calling == nullptr ? Values() : List(*calling, "allowedFunctionNames");
  if ((Same(mode, "ANY") || Same(mode, "VALIDATED")) && tools.functions.empty()) {
    return InvalidArgument("Function calling config is set without function_declarations.");
  }
  if (!allowed.empty() && !Same(mode, "ANY") && !Same(mode, "VALIDATED")) {
    return InvalidArgument("allowed_function_names should only be set when the mode is ANY or VALIDATED.");
  }
  for (const json::Value* name : allowed) {
    if (!tools.functions.contains(name->Text())) {
      return InvalidArgument("allowed_function_names contains an undeclared function: " + std::string(name->Text()));
    }
  }
  if (!tools.has_builtin || tools.functions.empty()) return std::nullopt;
  if (model.generation < 30) {
    return InvalidArgument("Built-in tools and function calling cannot be combined in the same request.");
  }
  if (config == nullptr || !Same(mode, "VALIDATED") || !GetBool(*config, "includeServerSideToolInvocations")) {
    return InvalidArgument(
        "Please enable tool_config.include_server_side_tool_invocations and mode VALIDATED to use built-in tools with "
        "function calling.");
  }
  return std::nullopt;
}

// ---- generationConfig ----

Failed CheckRange(const json::Value& config, std::string_view field, double min, double max) {
  const json::Value* value = Get(config, field);
  if (value == nullptr) return std::nullopt;
  const double number = value->Double().value_or(min);
  if (number >= min && number <= max) return std::nullopt;
  return Line("generation_config." + SnakeCase(field),
              SnakeCase(field) + " must be in the range [" + std::to_string(min) + ", " + std::to_string(max) + "].");
}

Failed CheckSampling(const Model& model, const json::Value& config) {
  if (Failed f = CheckRange(config, "temperature", 0, 2)) return f;
  if (Failed f = CheckRange(config, "topP", 0, 1)) return f;
  if (Failed f = CheckRange(config, "topK", 1, 1000)) return f;
  if (Failed f = CheckRange(config, "candidateCount", 1, 8)) return f;
  if (model.generation >= 40 && GetInt(config, "candidateCount", 1) > 1) {
    return InvalidArgument("Multiple candidates is not enabled for this model");
  }
  for (const std::string_view penalty : {"presencePenalty", "frequencyPenalty"}) {
    if (Get(config, penalty) == nullptr) continue;
    if (model.generation >= 25) return InvalidArgument("Penalty is not enabled for this model");
    if (Failed f = CheckRange(config, penalty, -2, 1.999999)) return f;
  }
  if (List(config, "stopSequences").size() > kMaxStopSequences) {
    return Line("generation_config.stop_sequences", "at most 5 stop sequences are supported");
  }
  if (Get(config, "logprobs") != nullptr && !GetBool(config, "responseLogprobs")) {
    return Line("generation_config.logprobs", "response_logprobs must be true to set logprobs");
  }
  if (Failed f = CheckRange(config, "logprobs", 0, 20)) return f;
  if (model.generation >= 30 && GetBool(config, "responseLogprobs")) {
    return InvalidArgument("Logprobs is not enabled for " + std::string(model.id));
  }
  return CheckRange(config, "maxOutputTokens", 1, static_cast<double>(model.output_limit));
}

Failed CheckBudget(const Model& model, int64_t budget) {
  if (model.thinking != Thinking::kBudget) {
    return InvalidArgument("Thinking budget is not supported for this model.");
  }
  const bool special = budget == -1 || (budget == 0 && model.may_disable);
  if (special || (budget >= model.min_budget && budget <= model.max_budget)) return std::nullopt;
  return InvalidArgument("The thinking budget " + std::to_string(budget) +
                         " is invalid. Please choose a value between " + std::to_string(model.min_budget) + " and " +
                         std::to_string(model.max_budget) + ".");
}

Failed CheckLevel(const Model& model, std::string_view level) {
  if (model.thinking != Thinking::kLevel) return InvalidArgument("Thinking level is not supported for this model.");
  std::string_view levels = model.levels;
  while (!levels.empty()) {
    const size_t space = std::min(levels.find(' '), levels.size());
    std::string upper(levels.substr(0, space));
    for (char& c : upper) c = static_cast<char>(c - 32);
    if (Same(level, upper)) return std::nullopt;
    levels.remove_prefix(std::min(space + 1, levels.size()));
  }
  return InvalidArgument("Thinking level " + std::string(level) +
                         " is not supported for this model. Please retry with other thinking level.");
}

Failed CheckThinking(const Model& model, const json::Value& config) {
  const json::Value* thinking = Get(config, "thinkingConfig");
  if (thinking == nullptr) return std::nullopt;
  const json::Value* budget = Get(*thinking, "thinkingBudget");
  const json::Value* level = Get(*thinking, "thinkingLevel");
  if (budget != nullptr && level != nullptr) {
    return InvalidArgument("You can only set only one of thinking budget and thinking level.");
  }
  if (budget != nullptr) return CheckBudget(model, GetInt(*thinking, "thinkingBudget", 0));
  if (level != nullptr) return CheckLevel(model, level->Text());
  if (model.thinking == Thinking::kNone) return InvalidArgument("Thinking is not enabled for this model.");
  return std::nullopt;
}

Failed CheckAnswerFormat(const Model& model, const json::Value& root, const json::Value& config, const Tools& tools) {
  const std::string_view mime = GetText(config, "responseMimeType");
  const json::Value* schema = Get(config, "responseSchema");
  const json::Value* json_schema = Get(config, "responseJsonSchema");
  const bool is_json = mime == "application/json";
  if (!mime.empty() && !is_json && mime != "text/plain" && mime != "text/x.enum") {
    return Line("generation_config.response_mime_type",
                "allowed mimetypes are `text/plain`, `application/json`, and `text/x.enum`.");
  }
  if (schema != nullptr && json_schema != nullptr) {
    return Line("generation_config", "only one of response_schema and response_json_schema may be set");
  }
  if ((schema != nullptr || json_schema != nullptr) && !is_json && mime != "text/x.enum") {
    return Line("generation_config.response_mime_type",
                "response_mime_type must be application/json when a response schema is set");
  }
  if (schema != nullptr) {
    std::vector<std::string> lines;
    CheckOpenApiSchema(*schema, "GenerateContentRequest.generation_config.response_schema", &lines);
    if (!lines.empty()) return InvalidArgument(lines.front() + "\n");
  }
  if (is_json && !tools.functions.empty() && (model.generation < 30 || Same(Mode(root), "ANY"))) {
    return InvalidArgument("Function calling with a response mime type: 'application/json' is unsupported");
  }
  return std::nullopt;
}

Failed CheckConfig(const Model& model, const json::Value& root, const Tools& tools) {
  const json::Value* config = Get(root, "generationConfig");
  if (config == nullptr) return std::nullopt;
  if (Failed f = CheckSampling(model, *config)) return f;
  if (Failed f = CheckThinking(model, *config)) return f;
  return CheckAnswerFormat(model, root, *config, tools);
}

}  // namespace

std::optional<Failure> CheckToolsAndConfig(const Model& model, const json::Value& root) {
  Tools tools;
  if (Failed f = CheckTools(root, &tools)) return f;
  if (Failed f = CheckToolConfig(model, root, tools)) return f;
  return CheckConfig(model, root, tools);
}

}  // namespace gc::test::fake
