// proto_anthropic_tools.h: the tools of a Messages request, and which of them Gemini is told about.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/json.h"
#include "handler/fields.h"
#include "handler/proto_anthropic.h"
#include "handler/tool_schema.h"

namespace gc {

// Views into the request's document, which must outlive this object. One per request; not thread-safe.
class AnthropicTools {
 public:
  // Reads the members `tools` and `tool_choice`. What is wrong goes to request.error().
  void Read(const Fields& request, AnthropicCall* call);
  // What the messages say: a deferred tool was found, a tool is withdrawn. Client's spelling.
  void Refer(std::string_view name);
  void Withdraw(std::string_view name);

  // True when Gemini may call a function of the client's; true when it must.
  bool has_functions() const;
  bool forces_call() const { return mode_ == "ANY"; }
  // Writes the members `tools` and `toolConfig`, each only when it says something.
  void Write(json::Writer* w, SchemaDetail detail) const;

 private:
  struct Tool {
    std::string_view client_name;
    std::string_view name;  // Gemini's spelling
    std::string_view description;
    const json::Value* schema = nullptr;  // null: none worth sending
    std::string_view fixed_schema = {};   // of a tool whose input Anthropic defines
    bool is_deferred = false;
  };

  void ReadTool(const json::Value& tool, const FieldPath& path);
  void ReadVersioned(const Fields& tool, std::string_view type, const FieldPath& path);
  void ReadChoice(const Fields& request);
  void ReadNamedChoice(const Fields& choice);
  void Add(const Tool& tool);
  bool IsDeclared(const Tool& tool) const;
  void WriteFunctions(json::Writer* w, SchemaDetail detail) const;

  FirstError* error_ = nullptr;
  AnthropicCall* call_ = nullptr;
  std::vector<Tool> tools_;
  std::unordered_map<std::string_view, size_t> by_name_;
  std::vector<std::string_view> built_in_;                 // Gemini's members: googleSearch, …
  std::unordered_set<std::string_view> built_in_clients_;  // their names at the client
  std::unordered_set<std::string_view> referred_;
  std::unordered_set<std::string_view> withdrawn_;
  bool searches_tools_ = false;
  std::string_view mode_;                    // empty: Gemini's default, AUTO
  std::optional<std::string_view> allowed_;  // Gemini's spelling
};

}  // namespace gc
