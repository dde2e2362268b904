// proto_openai_chat_tools.h: tools, functions, tool_choice and web search of a Chat Completions request.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "handler/fields.h"
#include "handler/proto_openai_chat.h"
#include "handler/tool_schema.h"

namespace gc {

// Views into the request's document, which must outlive this object. One per request; not thread-safe.
class OpenAiChatTools {
 public:
  // What is wrong goes to request.error(). Adds to call's tool names and says what its answer will hold.
  void Read(const Fields& request, OpenAiChatCall* call);

  // Functions, whether the model may call them or not.
  bool has_functions() const { return !tools_.empty(); }
  bool forbidden() const { return mode_ == "NONE"; }
  // The model has to call: there is no other answer.
  bool forced() const { return mode_ == "ANY"; }
  bool empty() const { return tools_.empty() && !searches_; }
  // Writes the members `tools` and `toolConfig`, as far as they are needed.
  void Write(json::Writer* w, SchemaDetail detail) const;

 private:
  struct Tool {
    std::string_view name;  // Gemini's spelling
    std::string description;
    const json::Value* parameters = nullptr;  // null: none worth sending
    bool is_custom = false;
  };

  void ReadTools(const json::Value& tools, const FieldPath& path, bool legacy);
  void ReadTool(const json::Value& tool, const FieldPath& path);
  void ReadFunction(const json::Value& function, const FieldPath& path);
  void ReadCustom(const json::Value& custom, const FieldPath& path);
  void Add(std::string_view client_name, Tool tool);
  void ReadChoice(const json::Value& choice, const FieldPath& path);
  void ReadChoiceObject(const json::Value& choice, const FieldPath& path);
  void ReadAllowed(const json::Value& allowed, const FieldPath& path);
  void Allow(const json::Value& tool, const FieldPath& path);
  void AllowName(std::string_view name);
  void WriteTool(json::Writer* w, const Tool& tool, SchemaDetail detail) const;

  FirstError* error_ = nullptr;
  OpenAiChatCall* call_ = nullptr;
  std::vector<Tool> tools_;
  std::unordered_map<std::string_view, size_t> by_name_;  // by Gemini's
  std::string_view mode_;                                 // empty: Gemini's default, AUTO
  std::vector<std::string_view> allowed_;
  bool searches_ = false;
};

}  // namespace gc
