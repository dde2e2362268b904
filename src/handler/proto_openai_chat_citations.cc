// proto_openai_chat_citations.cc: byte offsets inside parts become character offsets of the answer.
// SPDX-License-Identifier: MIT
#include "handler/proto_openai_chat_citations.h"

#include <algorithm>

namespace gc {
namespace {

using json::Value;

constexpr size_t kStride = 256;         // bytes between two known counts of characters
constexpr size_t kMaxCitations = 1000;  // far above any real answer: each is compared with all others
constexpr size_t kMaxParts = 1000;

bool StartsCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

// The web page (or map, or document) of a grounding chunk, whose one member is named after its kind.
const Value* SourceOf(const Value& chunk) {
  for (const json::Member& member : chunk.Members()) {
    if (!member.value.StringOr("uri", "").empty()) return &member.value;
  }
  return nullptr;
}

size_t Offset(const Value& segment, std::string_view name) {
  return static_cast<size_t>(std::max<int64_t>(segment.IntOr(name, 0), 0));
}

}  // namespace

void OpenAiChatCitations::AddText(size_t part, std::string_view text) {
  if (part >= kMaxParts) part = kMaxParts - 1;
  while (part_starts_.size() <= part) part_starts_.push_back(text_.size());
  for (const char c : text) {
    if (text_.size() % kStride == 0) characters_.push_back(counted_);
    counted_ += StartsCharacter(c) ? 1 : 0;
    text_ += c;
  }
}

void OpenAiChatCitations::AddGrounding(const Value& metadata) {
  const Value* chunks = metadata.Find("groundingChunks");
  const Value* supports = metadata.Find("groundingSupports");
  if (chunks == nullptr || supports == nullptr) return;
  for (const Value& support : supports->Items()) AddSupport(support, *chunks);
}

void OpenAiChatCitations::AddSupport(const Value& support, const Value& chunks) {
  const Value* segment = support.Find("segment");
  const Value* indices = support.Find("groundingChunkIndices");
  if (segment == nullptr || indices == nullptr) return;
  for (const Value& index : indices->Items()) {
    const auto at = static_cast<size_t>(index.Int().value_or(-1));
    const Value* source = at < chunks.Items().size() ? SourceOf(chunks.Items()[at]) : nullptr;
    if (source == nullptr || citations_.size() >= kMaxCitations) continue;
    Citation citation{Offset(*segment, "partIndex"), Offset(*segment, "startIndex"), Offset(*segment, "endIndex"),
                      std::string(source->StringOr("title", "")), std::string(source->StringOr("uri", ""))};
    const bool known = std::find(citations_.begin(), citations_.end(), citation) != citations_.end();
    if (!known) citations_.push_back(std::move(citation));
  }
}

// Offsets behind the text are its end.
size_t OpenAiChatCitations::CharacterAt(const Citation& citation, size_t byte) const {
  const size_t start = citation.part < part_starts_.size() ? part_starts_[citation.part] : 0;
  const size_t at = start + std::min(byte, text_.size() - start);
  if (at == text_.size()) return counted_;
  const size_t stride = at / kStride;
  size_t count = characters_[stride];
  for (size_t i = stride * kStride; i < at; ++i) count += StartsCharacter(text_[i]) ? 1 : 0;
  return count;
}

void OpenAiChatCitations::Write(json::Writer* w) const {
  w->BeginArray();
  for (const Citation& citation : citations_) {
    w->BeginObject().Key("type").String("url_citation").Key("url_citation").BeginObject();
    w->Key("start_index").Int(static_cast<int64_t>(CharacterAt(citation, citation.begin)));
    w->Key("end_index").Int(static_cast<int64_t>(CharacterAt(citation, citation.end)));
    w->Key("title").String(citation.title).Key("url").String(citation.url).EndObject().EndObject();
  }
  w->EndArray();
}

}  // namespace gc
