// calls.h: the requests that the end-to-end tests send.
// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "e2e/gateway.h"

namespace gc::test {

inline constexpr char kModel[] = "gemini-3.8-flash";
inline constexpr char kKey[] = "test-key-e2e";

enum class Answer { kUnary, kStream };

// Text may hold a directive of the fake: "Hello [[fake: chunks=5]]".
inline HttpCall Chat(const Gateway& gateway, const std::string& text, Answer answer = Answer::kUnary,
                     const std::string& key = kKey) {
  std::string body;
  json::Writer w(&body);
  w.BeginObject().Key("model").String(kModel).Key("stream").Bool(answer == Answer::kStream);
  w.Key("messages").BeginArray().BeginObject().Key("role").String("user").Key("content").String(text).EndObject();
  w.EndArray().EndObject();
  return Post(gateway.Url("/v1/chat/completions"), body, {"Authorization: Bearer " + key});
}

inline HttpCall Get(const Gateway& gateway, const std::string& path, const std::string& key = kKey) {
  HttpCall call;
  call.url = gateway.Url(path);
  if (!key.empty()) call.headers = {"Authorization: Bearer " + key};
  return call;
}

// path_end: "generateContent", "streamGenerateContent?alt=sse", ...
inline HttpCall Native(const Gateway& gateway, const std::string& path_end, const std::string& text,
                       const std::string& key = kKey) {
  std::string body;
  json::Writer w(&body);
  w.BeginObject().Key("contents").BeginArray().BeginObject().Key("role").String("user").Key("parts").BeginArray();
  w.BeginObject().Key("text").String(text).EndObject().EndArray().EndObject().EndArray().EndObject();
  return Post(gateway.Url(std::string("/v1beta/models/") + kModel + ":" + path_end), body, {"x-goog-api-key: " + key});
}

// The value at a path of member names, as text; "absent" when there is none.
inline std::string Field(const std::string& body, const std::vector<std::string_view>& path) {
  const auto document = json::Document::Parse(body);
  if (!document.ok()) return "not JSON: " + body;
  const json::Value* at = &document->root();
  for (const std::string_view name : path) {
    at = at->IsArray() && !at->Items().empty() ? &at->Items().front() : at;
    at = at->Find(name);
    if (at == nullptr) return "absent";
  }
  return at->IsString() ? std::string(at->Text()) : json::ToText(*at);
}

// Tests under several mounts: INSTANTIATE_TEST_SUITE_P(Mounts, Suite, testing::ValuesIn(kAllMounts), MountName).
inline std::string MountName(const testing::TestParamInfo<Mount>& info) { return info.param.name(); }
inline void PrintTo(const Mount& mount, std::ostream* out) { *out << mount.name(); }

}  // namespace gc::test
