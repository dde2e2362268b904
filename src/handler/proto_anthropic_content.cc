// proto_anthropic_content.cc: the blocks that stand for something to read or to look at: text, images, documents,
// search results.
// SPDX-License-Identifier: MIT
#include <utility>

#include "handler/media.h"
#include "handler/proto_anthropic_messages.h"

namespace gc {
namespace {

using json::Value;

constexpr std::string_view kGeminiFiles = "https://generativelanguage.googleapis.com/";

}  // namespace

bool AnthropicTurns::ReadContentBlock(const Fields& block, std::string_view type, Content* content) {
  if (type == "text") {
    const auto text = block.String("text");
    if (!text) error_->Invalid(block.Path("text"), "is required");
    content->texts.push_back(text.value_or(""));
  } else if (type == "image") {
    ReadSource(block, MediaUse::kImage, content);
  } else if (type == "document") {
    ReadDocument(block, content);
  } else if (type == "search_result") {
    ReadSearchResult(block, content);
  } else {
    return false;
  }
  return true;
}

void AnthropicTurns::ReadDocument(const Fields& block, Content* content) {
  std::string head;
  for (const std::string_view name : {"title", "context"}) {
    const std::string_view text = block.String(name).value_or("");
    if (!text.empty()) head.append(head.empty() ? "" : "\n").append(text);
  }
  if (!head.empty()) content->texts.push_back(turns_.Own(std::move(head)));
  ReadSource(block, MediaUse::kFile, content);
}

void AnthropicTurns::ReadSource(const Fields& block, MediaUse use, Content* content) {
  const Value* value = block.Object("source");
  const FieldPath path = block.Path("source");
  if (value == nullptr) return error_->Invalid(path, "is required");
  const Fields source(*value, path, error_);
  const std::string_view type = source.RequiredString("type");
  if (error_->set()) return;
  if (type == "base64") {
    ReadBase64(source, content);
  } else if (type == "text") {
    content->texts.push_back(source.RequiredString("data"));
  } else if (type == "content") {
    const auto on_block = [&](const Value& item, const FieldPath& at) {
      const Fields fields(item, at, error_);
      const std::string_view item_type = fields.RequiredString("type");
      // No documents inside documents: Anthropic's allows text and images here.
      const bool allowed = item_type == "text" || item_type == "image";
      if (!allowed) return error_->Invalid(at.Key("type"), "must be text or image");
      ReadContentBlock(fields, item_type, content);
    };
    EachBlock(
        source, "content", [&](std::string_view text) { content->texts.push_back(text); }, on_block);
  } else if (type == "url") {
    ReadUrl(source, use, content);
  } else if (type == "file") {
    const std::string_view id = source.RequiredString("file_id");
    if (!id.starts_with("files/")) return error_->Invalid(path.Key("file_id"), "must be a Gemini file: files/...");
    turns_.AddUserFile({}, turns_.Own(std::string(kGeminiFiles) + "v1beta/" + std::string(id)));
  } else {
    error_->Invalid(path.Key("type"), "must be base64, text, content, url or file");
  }
}

void AnthropicTurns::ReadBase64(const Fields& source, Content* content) {
  const std::string_view mime_type = source.RequiredString("media_type");
  const std::string_view data = source.RequiredString("data");
  if (error_->set()) return;
  auto normal = NormalBase64(data);
  if (!normal) return error_->Invalid(source.Path("data"), "must be base64");
  AddMedia(source.Path("media_type"), mime_type, std::move(*normal), content);
}

void AnthropicTurns::ReadUrl(const Fields& source, MediaUse use, Content* content) {
  const std::string_view url = source.RequiredString("url");
  if (error_->set()) return;
  if (url.starts_with(kGeminiFiles)) return turns_.AddUserFile({}, url);
  auto media = ReadDataUrl(url);
  if (!media) {
    auto fetched = FetchMedia(fetcher_, url, use);
    if (!fetched.ok()) return error_->Set(fetched.error().kind, source.Path("url"), fetched.error().message);
    media = std::move(*fetched);
  }
  AddMedia(source.Path("url"), turns_.Own(std::move(media->mime_type)), std::move(media->data), content);
}

void AnthropicTurns::AddMedia(const FieldPath& path, std::string_view mime_type, std::string data, Content* content) {
  if (!TakesMime(mime_type)) return error_->Invalid(path, "Gemini does not take " + std::string(mime_type));
  media_bytes_ += data.size();
  ++media_count_;
  content->media.push_back({mime_type, turns_.Own(std::move(data))});
}

void AnthropicTurns::ReadSearchResult(const Fields& block, Content* content) {
  std::string text(block.String("title").value_or(""));
  if (const auto source = block.String("source")) text.append("\n").append(*source);
  EachBlock(
      block, "content", [&](std::string_view line) { text.append("\n").append(line); },
      [&](const Value& item, const FieldPath& path) {
        text.append("\n").append(Fields(item, path, error_).RequiredString("text"));
      });
  content->texts.push_back(turns_.Own(std::move(text)));
}

}  // namespace gc
