// fake_gemini_director.cc: counts directives and keeps the queue of canned answers.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_director.h"

#include "base/json.h"
#include "support/fake_gemini_fields.h"

namespace gc::test::fake {
namespace {

Result<Canned> ParseOne(const json::Value& item) {
  Canned out;
  if (const json::Value* request = item.Find("request")) {
    out.path = request->StringOr("path", "");
    out.key = request->StringOr("key", "");
  }
  const auto script = ParseScript(item.StringOr("directive", ""));
  if (!script.ok()) return script.error();
  out.script = *script;
  const json::Value* response = item.Find("response");
  if (response == nullptr) return Error{ErrorKind::kInvalid, "a canned answer needs a response"};
  out.status = static_cast<int>(response->IntOr("status", 200));
  const json::Value* sse = response->Find("sse");
  const json::Value* raw = response->Find("raw_base64_chunks");
  out.is_stream = sse != nullptr || raw != nullptr;
  out.headers.emplace_back("Content-Type", sse != nullptr ? "text/event-stream" : "application/json; charset=UTF-8");
  if (const json::Value* headers = response->Find("headers")) {
    out.headers.clear();
    for (const json::Member& m : headers->Members()) out.headers.emplace_back(m.name.Text(), m.value.Text());
  }
  if (sse != nullptr) {
    for (const json::Value& frame : sse->Items()) out.chunks.push_back("data: " + json::ToText(frame) + "\r\n\r\n");
  } else if (raw != nullptr) {
    for (const json::Value& chunk : raw->Items()) {
      if (!DecodeBase64(chunk.Text(), &out.chunks.emplace_back())) {
        return Error{ErrorKind::kInvalid, "raw_base64_chunks holds something else"};
      }
    }
  } else if (const json::Value* body = response->Find("body")) {
    out.body = json::ToText(*body);
  } else {
    out.body = response->StringOr("text", "");
  }
  return out;
}

}  // namespace

Result<std::vector<Canned>> ParseCanned(std::string json_text) {
  const auto document = json::Document::Parse(std::move(json_text));
  if (!document.ok()) return document.error();
  std::vector<Canned> out;
  const json::Value& root = document->root();
  for (const json::Value& item : root.IsArray() ? root.Items() : std::span<const json::Value>(&root, 1)) {
    auto one = ParseOne(item);
    if (!one.ok()) return one.error();
    out.push_back(std::move(*one));
  }
  return out;
}

Result<Script> Director::ScriptFor(std::string_view text, std::string_view key) {
  std::optional<std::string> words = FindDirective(text);
  const std::lock_guard lock(mutex_);
  if (!words) {
    if (words_.empty() || words_left_ == 0) return Script();
    words = words_;
  }
  const bool is_own = words != words_ || words_left_ < 0;
  auto script = ParseScript(*words);
  if (!script.ok()) return script;
  Script plain;
  plain.tag = script->tag;
  if (!script->for_key.empty() && !key.ends_with(script->for_key)) return plain;
  if (!is_own) --words_left_;
  if (script->times == Script::kNever) return script;
  int64_t& used = used_[script->tag.empty() ? *words : script->tag];
  if (used >= script->times) return plain;
  ++used;
  return script;
}

Status Director::SetDirective(std::string words, int64_t times) {
  if (const auto script = ParseScript(words); !script.ok()) return script.error();
  const std::lock_guard lock(mutex_);
  words_ = std::move(words);
  words_left_ = times;
  return {};
}

void Director::AddCanned(std::vector<Canned> answers) {
  const std::lock_guard lock(mutex_);
  for (Canned& answer : answers) canned_.push_back(std::move(answer));
}

std::optional<Canned> Director::TakeCanned(std::string_view path, std::string_view key) {
  const std::lock_guard lock(mutex_);
  for (auto it = canned_.begin(); it != canned_.end(); ++it) {
    if ((!it->path.empty() && it->path != path) || (!it->key.empty() && !key.ends_with(it->key))) continue;
    Canned answer = std::move(*it);
    canned_.erase(it);
    return answer;
  }
  return std::nullopt;
}

void Director::Clear() {
  const std::lock_guard lock(mutex_);
  words_.clear();
  words_left_ = -1;
  used_.clear();
  canned_.clear();
}

}  // namespace gc::test::fake
