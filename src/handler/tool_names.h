// tool_names.h: the names of one request's tools, as the client and as Gemini spell them. Gemini takes
// [A-Za-z_][A-Za-z0-9_.:-]{0,63}; clients (MCP above all) send anything.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace gc {

// One per request; not thread-safe.
class ToolNames {
 public:
  // Gemini's spelling: the name itself when it is legal and free, else a legal one. The same name always gets the same
  // answer, different names get different ones. The view stays valid as long as this object.
  std::string_view ToGemini(std::string_view client_name);
  // The client's spelling; a name that was never given out is returned as it is.
  std::string_view ToClient(std::string_view gemini_name) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
  };
  std::unordered_map<std::string, std::string, Hash, std::equal_to<>> client_by_gemini_;
};

}  // namespace gc
