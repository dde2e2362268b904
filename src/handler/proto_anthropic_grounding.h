// proto_anthropic_grounding.h: what Gemini's searches found, as Anthropic's web_search blocks and citations.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "handler/proto_anthropic_blocks.h"

namespace gc {

// Views into the metadata, which must outlive this object. Any thread.
class AnthropicGrounding {
 public:
  // `metadata`: a candidate's groundingMetadata, or null.
  explicit AnthropicGrounding(const json::Value* metadata);

  // Something was searched for.
  bool present() const { return has_search_; }
  // The search and its results: two blocks. `id`: srvtoolu_...
  void WriteSearch(std::string_view id, AnthropicBlocks* blocks) const;
  // The text of the answer's part with that index; what a source supports is a block of its own.
  void WriteText(size_t part, std::string_view text, AnthropicBlocks* blocks) const;
  // All citations to the text that is open: a stream's text is out when its sources come.
  void Cite(AnthropicBlocks* blocks) const;

 private:
  struct Source {
    std::string_view uri;
    std::string_view title;
  };
  struct Support {
    size_t part = 0;
    size_t begin = 0;  // bytes
    size_t end = 0;
    std::string_view text;
    std::vector<size_t> sources;  // indices
  };

  void ReadSupport(const json::Value& support);
  void WriteCitations(const Support& support, std::string_view text, AnthropicBlocks* blocks) const;

  bool has_search_ = false;
  std::string query_;
  std::vector<Source> sources_;
  std::vector<Support> supports_;  // by part and begin
};

}  // namespace gc
