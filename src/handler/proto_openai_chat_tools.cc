// proto_openai_chat_tools.cc: declarations, and which of them the model may or must call.
// SPDX-License-Identifier: MIT
#include "handler/proto_openai_chat_tools.h"

#include <utility>

namespace gc {
namespace {

using json::Value;

constexpr size_t kMaxTools = 512;  // Gemini's

// A custom tool may constrain its input by a grammar, which Gemini can only be told.
void AppendGrammar(const Fields& custom, std::string* description) {
  const Value* format = custom.Object("format");
  if (format == nullptr) return;
  const FieldPath path = custom.Path("format");
  const Fields fields(*format, path, custom.error());
  const std::string_view type = fields.RequiredString("type");
  if (type != "text" && type != "grammar") custom.error()->Invalid(path.Key("type"), "must be text or grammar");
  if (type != "grammar" || custom.error()->set()) return;
  const Value* grammar = fields.Object("grammar");
  const FieldPath grammar_path = path.Key("grammar");
  if (grammar == nullptr) return custom.error()->Invalid(grammar_path, "is required");
  const Fields g(*grammar, grammar_path, custom.error());
  const std::string_view syntax = g.RequiredString("syntax");
  const std::string_view definition = g.RequiredString("definition");
  if (!description->empty()) *description += "\n";
  description->append("The input must match this ").append(syntax).append(" grammar:\n").append(definition);
}

}  // namespace

void OpenAiChatTools::Read(const Fields& request, OpenAiChatCall* call) {
  error_ = request.error();
  call_ = call;
  const Value* tools = request.Array("tools");
  const Value* functions = request.Array("functions");
  if (tools != nullptr && functions != nullptr) error_->Invalid(request.Path("functions"), "is another word for tools");
  if (tools != nullptr) ReadTools(*tools, request.Path("tools"), false);
  if (functions != nullptr) ReadTools(*functions, request.Path("functions"), true);
  const bool calls_legacy = tools == nullptr && request.Any("function_call") != nullptr;
  call_->legacy_functions = functions != nullptr || calls_legacy;
  const std::string_view choice_name = call_->legacy_functions ? "function_call" : "tool_choice";
  if (const Value* choice = request.Any(choice_name)) ReadChoice(*choice, request.Path(choice_name));
  const bool parallel = request.Bool("parallel_tool_calls").value_or(true);
  call_->first_tool_call_only = !parallel || call_->legacy_functions;
  // Beside functions, Gemini's own tools would need parts in the history that no OpenAI client keeps.
  searches_ = request.Object("web_search_options") != nullptr && tools_.empty() && !forbidden();
  call_->cites = searches_;
}

void OpenAiChatTools::ReadTools(const Value& tools, const FieldPath& path, bool legacy) {
  if (tools.Items().size() > kMaxTools) error_->Invalid(path, "must have at most 512 entries");
  for (size_t i = 0; i < tools.Items().size() && !error_->set(); ++i) {
    const FieldPath at = path.Index(i);
    if (legacy) {
      ReadFunction(tools.Items()[i], at);
    } else {
      ReadTool(tools.Items()[i], at);
    }
  }
}

void OpenAiChatTools::ReadTool(const Value& tool, const FieldPath& path) {
  const Fields fields(tool, path, error_);
  const std::string_view type = fields.RequiredString("type");
  if (type != "function" && type != "custom") error_->Invalid(path.Key("type"), "must be function or custom");
  if (error_->set()) return;
  const Value* member = fields.Object(type);
  const FieldPath member_path = path.Key(type);
  if (member == nullptr) return error_->Invalid(member_path, "is required");
  if (type == "custom") return ReadCustom(*member, member_path);
  ReadFunction(*member, member_path);
}

void OpenAiChatTools::ReadFunction(const Value& function, const FieldPath& path) {
  const Fields f(function, path, error_);
  const std::string_view name = f.RequiredString("name");
  Tool tool{{}, std::string(f.String("description").value_or("")), f.Object("parameters"), false};
  if (error_->set()) return;
  if (tool.parameters != nullptr && IsBareObject(*tool.parameters)) tool.parameters = nullptr;
  Add(name, std::move(tool));
}

void OpenAiChatTools::ReadCustom(const Value& custom, const FieldPath& path) {
  const Fields f(custom, path, error_);
  const std::string_view name = f.RequiredString("name");
  Tool tool{{}, std::string(f.String("description").value_or("")), nullptr, true};
  AppendGrammar(f, &tool.description);
  if (!error_->set()) Add(name, std::move(tool));
}

// Declared twice is a 400 at Gemini: the later one counts.
void OpenAiChatTools::Add(std::string_view client_name, Tool tool) {
  tool.name = call_->tool_names.ToGemini(client_name);
  const std::string key(client_name);
  call_->custom_tools.erase(key);
  call_->wrapped_tools.erase(key);
  if (tool.is_custom) call_->custom_tools.insert(key);
  if (tool.parameters != nullptr && IsWrapped(*tool.parameters)) call_->wrapped_tools.insert(key);
  const auto [entry, is_new] = by_name_.try_emplace(tool.name, tools_.size());
  if (is_new) {
    tools_.push_back(std::move(tool));
  } else {
    tools_[entry->second] = std::move(tool);
  }
}

void OpenAiChatTools::ReadChoice(const Value& choice, const FieldPath& path) {
  const std::string_view word = choice.Text();
  if (choice.IsObject()) {
    ReadChoiceObject(choice, path);
  } else if (!choice.IsString() || (word != "none" && word != "auto" && word != "required")) {
    error_->Invalid(path, "must be none, auto, required or an object");
  } else if (word == "none") {
    mode_ = "NONE";
  } else if (word == "required") {
    mode_ = "ANY";
  }
  if (tools_.empty() && !mode_.empty() && !forbidden()) {
    error_->Invalid(path, "is only allowed when tools are specified");
  }
}

void OpenAiChatTools::ReadChoiceObject(const Value& choice, const FieldPath& path) {
  const Fields fields(choice, path, error_);
  mode_ = "ANY";
  if (call_->legacy_functions) return AllowName(fields.RequiredString("name"));
  if (fields.RequiredString("type") != "allowed_tools") return Allow(choice, path);
  const Value* allowed = fields.Object("allowed_tools");
  const FieldPath allowed_path = path.Key("allowed_tools");
  if (allowed == nullptr) return error_->Invalid(allowed_path, "is required");
  ReadAllowed(*allowed, allowed_path);
}

void OpenAiChatTools::ReadAllowed(const Value& allowed, const FieldPath& path) {
  const Fields f(allowed, path, error_);
  const std::string_view mode = f.RequiredString("mode");
  if (mode != "auto" && mode != "required") error_->Invalid(path.Key("mode"), "must be auto or required");
  if (mode == "auto") mode_ = "VALIDATED";  // AUTO takes no list of names
  const Value* tools = f.Array("tools");
  const FieldPath tools_path = path.Key("tools");
  if (tools == nullptr || tools->Items().empty()) return error_->Invalid(tools_path, "must name at least one tool");
  if (tools->Items().size() > kMaxTools) return error_->Invalid(tools_path, "must have at most 512 entries");
  for (size_t i = 0; i < tools->Items().size() && !error_->set(); ++i) {
    Allow(tools->Items()[i], tools_path.Index(i));
  }
}

void OpenAiChatTools::Allow(const Value& tool, const FieldPath& path) {
  const Fields fields(tool, path, error_);
  const std::string_view type = fields.RequiredString("type");
  if (type != "function" && type != "custom") {
    error_->Invalid(path.Key("type"), "must be function, custom or allowed_tools");
  }
  if (error_->set()) return;
  const Value* member = fields.Object(type);
  const FieldPath member_path = path.Key(type);
  if (member == nullptr) return error_->Invalid(member_path, "is required");
  AllowName(Fields(*member, member_path, error_).RequiredString("name"));
}

void OpenAiChatTools::AllowName(std::string_view name) {
  if (error_->set()) return;
  const auto known = by_name_.find(call_->tool_names.ToGemini(name));
  if (known != by_name_.end()) return allowed_.push_back(known->first);
  const FieldPath root;
  error_->Invalid(root.Key(call_->legacy_functions ? "function_call" : "tool_choice"),
                  "names a tool that is not in tools");
}

void OpenAiChatTools::Write(json::Writer* w, SchemaDetail detail) const {
  if (empty()) return;
  w->Key("tools").BeginArray().BeginObject();
  if (searches_) {
    w->Key("googleSearch").BeginObject().EndObject().EndObject().EndArray();
    return;
  }
  w->Key("functionDeclarations").BeginArray();
  for (const Tool& tool : tools_) WriteTool(w, tool, detail);
  w->EndArray().EndObject().EndArray();
  if (mode_.empty()) return;
  w->Key("toolConfig").BeginObject().Key("functionCallingConfig").BeginObject().Key("mode").String(mode_);
  if (!allowed_.empty()) {
    w->Key("allowedFunctionNames").BeginArray();
    for (const std::string_view name : allowed_) w->String(name);
    w->EndArray();
  }
  w->EndObject().EndObject();
}

void OpenAiChatTools::WriteTool(json::Writer* w, const Tool& tool, SchemaDetail detail) const {
  w->BeginObject().Key("name").String(tool.name);
  if (!tool.description.empty()) w->Key("description").String(tool.description);
  if (tool.is_custom) {
    w->Key("parametersJsonSchema").BeginObject().Key("type").String("object").Key("properties").BeginObject();
    w->Key(kCustomToolInput).BeginObject().Key("type").String("string").EndObject().EndObject();
    w->Key("required").BeginArray().String(kCustomToolInput).EndArray().EndObject();
  } else if (tool.parameters != nullptr) {
    w->Key("parametersJsonSchema");
    WriteParameters(w, *tool.parameters, detail);
  }
  w->EndObject();
}

}  // namespace gc
