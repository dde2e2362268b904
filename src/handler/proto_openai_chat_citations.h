// proto_openai_chat_citations.h: Gemini's grounding of an answer becomes url_citation annotations.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace gc {

// Of one choice, whole or streamed. One per choice; not thread-safe.
class OpenAiChatCitations {
 public:
  // Takes the parts of the answer in their order: Gemini counts bytes inside a part, clients count characters of the
  // whole text. In a stream the chunks of one part follow each other under the same number.
  void AddText(size_t part, std::string_view text);
  // A groundingMetadata, which may repeat what an earlier chunk said.
  void AddGrounding(const json::Value& metadata);

  bool empty() const { return citations_.empty(); }
  // The value of `annotations`.
  void Write(json::Writer* w) const;

 private:
  struct Citation {
    size_t part = 0;
    size_t begin = 0;  // bytes inside the part
    size_t end = 0;
    std::string title;
    std::string url;
    bool operator==(const Citation&) const = default;
  };

  void AddSupport(const json::Value& support, const json::Value& chunks);
  size_t CharacterAt(const Citation& citation, size_t byte) const;

  std::vector<size_t> part_starts_;  // by part: where its text begins
  std::string text_;
  std::vector<size_t> characters_;  // before each kStride-th byte
  size_t counted_ = 0;              // characters of text_
  std::vector<Citation> citations_;
};

}  // namespace gc
