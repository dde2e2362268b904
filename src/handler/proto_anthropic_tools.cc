// proto_anthropic_tools.cc: custom tools, tools whose input Anthropic defines, and what Gemini runs itself.
// SPDX-License-Identifier: MIT
#include "handler/proto_anthropic_tools.h"

#include <algorithm>

namespace gc {
namespace {

using json::Value;

constexpr size_t kMaxTools = 512;  // Gemini's

// Tools that the client runs but whose input it does not describe. Source: Anthropic's pages on each of them.
struct Known {
  std::string_view prefix;  // of the type; a date follows
  std::string_view description;
  std::string_view schema;
};
constexpr Known kKnown[] = {
    {"bash_", "Runs a command in a shell that keeps its state between calls; restart begins a new one.",
     R"({"type":"object","properties":{"command":{"type":"string"},"restart":{"type":"boolean"}}})"},
    {"text_editor_", "Views, creates and edits text files.",
     R"({"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert"]},)"
     R"("path":{"type":"string"},"view_range":{"type":"array","items":{"type":"integer"}},)"
     R"("file_text":{"type":"string"},"old_str":{"type":"string"},"new_str":{"type":"string"},)"
     R"("insert_line":{"type":"integer"},"insert_text":{"type":"string"}},"required":["command","path"]})"},
    {"memory_", "Keeps notes in files under /memories.",
     R"({"type":"object","properties":{"command":{"type":"string",)"
     R"("enum":["view","create","str_replace","insert","delete","rename"]},"path":{"type":"string"},)"
     R"("view_range":{"type":"array","items":{"type":"integer"}},"file_text":{"type":"string"},)"
     R"("old_str":{"type":"string"},"new_str":{"type":"string"},"insert_line":{"type":"integer"},)"
     R"("insert_text":{"type":"string"},"old_path":{"type":"string"},"new_path":{"type":"string"}},)"
     R"("required":["command"]})"},
};

// Tools that run at the provider.
struct BuiltIn {
  std::string_view prefix;
  std::string_view gemini;
};
constexpr BuiltIn kBuiltIn[] = {
    {"web_search_", "googleSearch"}, {"web_fetch_", "urlContext"}, {"code_execution_", "codeExecution"}};

}  // namespace

void AnthropicTools::Read(const Fields& request, AnthropicCall* call) {
  error_ = request.error();
  call_ = call;
  if (const Value* tools = request.Array("tools")) {
    const FieldPath path = request.Path("tools");
    if (tools->Items().size() > kMaxTools) error_->Invalid(path, "must have at most 512 entries");
    for (size_t i = 0; i < tools->Items().size() && !error_->set(); ++i) ReadTool(tools->Items()[i], path.Index(i));
  }
  if (!error_->set()) ReadChoice(request);
}

void AnthropicTools::ReadTool(const Value& tool, const FieldPath& path) {
  const Fields fields(tool, path, error_);
  const std::string_view type = fields.String("type").value_or("custom");
  if (type != "custom") return ReadVersioned(fields, type, path);
  Tool read;
  read.client_name = fields.RequiredString("name");
  read.description = fields.String("description").value_or("");
  read.schema = fields.Object("input_schema");
  read.is_deferred = fields.Bool("defer_loading").value_or(false);
  if (error_->set()) return;
  if (read.schema != nullptr && IsBareObject(*read.schema)) read.schema = nullptr;
  Add(read);
}

void AnthropicTools::ReadVersioned(const Fields& tool, std::string_view type, const FieldPath& path) {
  for (const BuiltIn& row : kBuiltIn) {
    if (!type.starts_with(row.prefix)) continue;
    built_in_clients_.insert(tool.RequiredString("name"));
    if (std::find(built_in_.begin(), built_in_.end(), row.gemini) == built_in_.end()) built_in_.push_back(row.gemini);
    return;
  }
  for (const Known& row : kKnown) {
    if (!type.starts_with(row.prefix)) continue;
    Tool read;
    read.client_name = tool.RequiredString("name");
    read.description = row.description;
    read.fixed_schema = row.schema;
    read.is_deferred = tool.Bool("defer_loading").value_or(false);
    if (!error_->set()) Add(read);
    return;
  }
  if (type.starts_with("tool_search_tool_")) {  // Gemini has no such search: it gets to see all tools instead
    searches_tools_ = true;
    return;
  }
  error_->Set(ApiErrorKind::kNotImplemented, path.Key("type"), "tools of this type are not implemented");
}

void AnthropicTools::Add(const Tool& tool) {
  Tool named = tool;
  named.name = call_->tool_names.ToGemini(tool.client_name);
  const auto [entry, is_new] = by_name_.try_emplace(tool.client_name, tools_.size());
  if (is_new) {
    tools_.push_back(named);
  } else {
    tools_[entry->second] = named;  // declared twice is a 400 at Gemini: the later one counts
  }
}

void AnthropicTools::ReadChoice(const Fields& request) {
  const Value* choice = request.Object("tool_choice");
  if (choice == nullptr) return;
  const FieldPath path = request.Path("tool_choice");
  const Fields fields(*choice, path, error_);
  const std::string_view type = fields.RequiredString("type");
  call_->first_tool_call_only = fields.Bool("disable_parallel_tool_use").value_or(false);
  if (error_->set() || type == "auto") return;
  if (type == "none") {
    mode_ = "NONE";
  } else if (type != "any" && type != "tool") {
    error_->Invalid(path.Key("type"), "must be auto, any, tool or none");
  } else if (tools_.empty() && built_in_.empty()) {
    error_->Invalid(path, "is only allowed when tools are given");
  } else if (type == "tool") {
    ReadNamedChoice(fields);
  } else if (!tools_.empty()) {
    mode_ = "ANY";
  }
}

void AnthropicTools::ReadNamedChoice(const Fields& choice) {
  const std::string_view name = choice.RequiredString("name");
  if (error_->set() || built_in_clients_.contains(name)) return;  // Gemini decides alone when it searches
  const auto known = by_name_.find(name);
  if (known == by_name_.end()) return error_->Invalid(choice.Path("name"), "names a tool that is not in tools");
  mode_ = "ANY";
  allowed_ = tools_[known->second].name;
  Refer(name);
}

void AnthropicTools::Refer(std::string_view name) {
  referred_.insert(name);
  withdrawn_.erase(name);
}

void AnthropicTools::Withdraw(std::string_view name) {
  if (const auto known = by_name_.find(name); known != by_name_.end() && tools_[known->second].name == allowed_) return;
  withdrawn_.insert(name);
}

bool AnthropicTools::IsDeclared(const Tool& tool) const {
  if (withdrawn_.contains(tool.client_name)) return false;
  return !tool.is_deferred || searches_tools_ || referred_.contains(tool.client_name);
}

bool AnthropicTools::has_functions() const {
  return std::any_of(tools_.begin(), tools_.end(), [this](const Tool& tool) { return IsDeclared(tool); });
}

void AnthropicTools::Write(json::Writer* w, SchemaDetail detail) const {
  if (has_functions()) return WriteFunctions(w, detail);
  // Beside functions, Gemini's own tools need parts in the history that Anthropic's clients do not send back.
  if (built_in_.empty() || mode_ == "NONE") return;
  w->Key("tools").BeginArray();
  for (const std::string_view name : built_in_) w->BeginObject().Key(name).BeginObject().EndObject().EndObject();
  w->EndArray();
}

void AnthropicTools::WriteFunctions(json::Writer* w, SchemaDetail detail) const {
  w->Key("tools").BeginArray().BeginObject().Key("functionDeclarations").BeginArray();
  for (const Tool& tool : tools_) {
    if (!IsDeclared(tool)) continue;
    w->BeginObject().Key("name").String(tool.name);
    if (!tool.description.empty()) w->Key("description").String(tool.description);
    if (tool.schema != nullptr) {
      w->Key("parametersJsonSchema");
      WriteParameters(w, *tool.schema, detail);
    } else if (!tool.fixed_schema.empty()) {
      w->Key("parametersJsonSchema").Raw(tool.fixed_schema);
    }
    w->EndObject();
  }
  w->EndArray().EndObject().EndArray();
  if (mode_.empty()) return;
  w->Key("toolConfig").BeginObject().Key("functionCallingConfig").BeginObject().Key("mode").String(mode_);
  if (allowed_) w->Key("allowedFunctionNames").BeginArray().String(*allowed_).EndArray();
  w->EndObject().EndObject();
}

}  // namespace gc
