// proto_anthropic_grounding.cc: reads groundingMetadata, whose offsets are bytes of UTF-8.
// SPDX-License-Identifier: MIT
#include "handler/proto_anthropic_grounding.h"

#include <algorithm>
#include <tuple>

#include "base/redact.h"

namespace gc {
namespace {

using json::Value;

constexpr size_t kMaxCitedBytes = 150;
// Anthropic's clients send these back with the results; here they have no content, and may not be empty.
constexpr std::string_view kOpaque = "gemini-code-1s.";

// False inside a character of several bytes.
bool IsBoundary(std::string_view text, size_t at) {
  return at == text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
}

size_t Offset(const Value& segment, std::string_view name) {
  return static_cast<size_t>(std::clamp<int64_t>(segment.IntOr(name, 0), 0, int64_t{1} << 40));
}

}  // namespace

AnthropicGrounding::AnthropicGrounding(const Value* metadata) {
  if (metadata == nullptr) return;
  if (const Value* queries = metadata->Find("webSearchQueries")) {
    for (const Value& query : queries->Items()) query_.append(query_.empty() ? "" : "; ").append(query.Text());
  }
  if (const Value* chunks = metadata->Find("groundingChunks")) {
    for (const Value& chunk : chunks->Items()) {
      const Value* web = chunk.Find("web");
      // Also without a web page: supports name their sources by number.
      sources_.push_back(web == nullptr ? Source{} : Source{web->StringOr("uri", ""), web->StringOr("title", "")});
    }
  }
  has_search_ = !query_.empty() || !sources_.empty();
  if (const Value* supports = metadata->Find("groundingSupports")) {
    for (const Value& support : supports->Items()) ReadSupport(support);
  }
  std::stable_sort(supports_.begin(), supports_.end(), [](const Support& a, const Support& b) {
    return std::tie(a.part, a.begin) < std::tie(b.part, b.begin);
  });
}

void AnthropicGrounding::ReadSupport(const Value& support) {
  const Value* segment = support.Find("segment");
  const Value* indices = support.Find("groundingChunkIndices");
  if (segment == nullptr || indices == nullptr) return;
  Support read;
  read.part = Offset(*segment, "partIndex");
  read.begin = Offset(*segment, "startIndex");
  read.end = Offset(*segment, "endIndex");
  read.text = segment->StringOr("text", "");
  for (const Value& index : indices->Items()) {
    const int64_t i = index.Int().value_or(-1);
    const bool is_page =
        i >= 0 && static_cast<size_t>(i) < sources_.size() && !sources_[static_cast<size_t>(i)].uri.empty();
    if (is_page) read.sources.push_back(static_cast<size_t>(i));
  }
  if (!read.sources.empty()) supports_.push_back(std::move(read));
}

void AnthropicGrounding::WriteSearch(std::string_view id, AnthropicBlocks* blocks) const {
  std::string input;
  json::Writer(&input).BeginObject().Key("query").String(query_).EndObject();
  blocks->ServerToolUse(id, "web_search", input);
  std::string block;
  json::Writer w(&block);
  w.BeginObject().Key("type").String("web_search_tool_result").Key("tool_use_id").String(id);
  w.Key("caller").BeginObject().Key("type").String("direct").EndObject().Key("content").BeginArray();
  for (const Source& source : sources_) {
    if (source.uri.empty()) continue;
    w.BeginObject().Key("type").String("web_search_result").Key("title").String(source.title);
    w.Key("url").String(source.uri).Key("encrypted_content").String(kOpaque).Key("page_age").Null().EndObject();
  }
  w.EndArray().EndObject();
  blocks->Complete(block);
}

void AnthropicGrounding::WriteCitations(const Support& support, std::string_view text, AnthropicBlocks* blocks) const {
  for (const size_t index : support.sources) {
    const Source& source = sources_[index];
    std::string citation;
    json::Writer w(&citation);
    w.BeginObject().Key("type").String("web_search_result_location").Key("url").String(source.uri);
    w.Key("title").String(source.title).Key("cited_text").String(CutUtf8(text, kMaxCitedBytes));
    w.Key("encrypted_index").String(std::string(kOpaque) + std::to_string(index)).EndObject();
    blocks->Cite(citation);
  }
}

void AnthropicGrounding::WriteText(size_t part, std::string_view text, AnthropicBlocks* blocks) const {
  size_t done = 0;
  for (const Support& support : supports_) {
    const bool fits = support.part == part && support.begin >= done && support.begin < support.end &&
                      support.end <= text.size() && IsBoundary(text, support.begin) && IsBoundary(text, support.end);
    if (!fits) continue;  // another part's, or one that overlaps
    if (support.begin > done) blocks->Text(text.substr(done, support.begin - done));
    blocks->Close();
    const std::string_view cited = text.substr(support.begin, support.end - support.begin);
    blocks->Text(cited);
    WriteCitations(support, cited, blocks);
    blocks->Close();
    done = support.end;
  }
  if (done < text.size()) blocks->Text(text.substr(done));
}

void AnthropicGrounding::Cite(AnthropicBlocks* blocks) const {
  for (const Support& support : supports_) WriteCitations(support, support.text, blocks);
}

}  // namespace gc
