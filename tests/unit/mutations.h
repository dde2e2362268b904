// mutations.h: the golden vectors' bodies with each value replaced by another, one at a time.
// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/json.h"
#include "vector_compare.h"

namespace gc {

inline constexpr std::string_view kReplacements[] = {
    "null",        "true",        "false", "0",  "-1.5", "1e308", "\"\"",   "\"x\"",       "\"\\ud83d\"",
    "\"\\udc00\"", "\"\\u0000\"", "[]",    "{}", "[[]]", "[{}]",  "[null]", "{\"\":[{}]}", "9999999999999999999999"};

// Writes `value` with the node that `*countdown` reaches 0 at replaced. The root is node 0.
inline void WriteMutated(json::Writer* w, const json::Value& value, std::string_view replacement, int* countdown) {
  if ((*countdown)-- == 0) {
    w->Raw(replacement);
  } else if (value.IsArray()) {
    w->BeginArray();
    for (const json::Value& item : value.Items()) WriteMutated(w, item, replacement, countdown);
    w->EndArray();
  } else if (value.IsObject()) {
    w->BeginObject();
    for (const json::Member& member : value.Members()) {
      w->Key(member.name.Text());
      WriteMutated(w, member.value, replacement, countdown);
    }
    w->EndObject();
  } else {
    w->Copy(value);
  }
}

template <class Try>
void EachMutation(const json::Value& root, Try&& attempt) {
  for (const std::string_view replacement : kReplacements) {
    for (int node = 0;; ++node) {
      int countdown = node;
      std::string text;
      json::Writer w(&text);
      WriteMutated(&w, root, replacement, &countdown);
      if (countdown >= 0) break;  // the document has no node of that number
      attempt(text);
    }
  }
}

// The bodies that vectors hold under upstream[].response or client_request.
template <class Use>
void EachVector(Use&& use) {
  for (const std::string& name : VectorNames()) {
    SCOPED_TRACE(name);
    const json::Document vector = LoadVector(name);
    use(vector.root());
  }
}

inline bool IsJson(const std::string& text) { return json::Document::Parse(text).ok(); }

// The requests of the clients.
template <class Use>
void EachClientRequest(Use&& use) {
  EachVector([&](const json::Value& vector) {
    const json::Value* request = vector.Find("client_request");
    const json::Value* body = request == nullptr ? nullptr : request->Find("body");
    if (body != nullptr) use(*body);
  });
}

// Gemini's answers: `member` is body, or sse for the events of a stream.
template <class Use>
void EachAnswer(std::string_view member, Use&& use) {
  EachVector([&](const json::Value& vector) {
    const json::Value* upstream = vector.Find("upstream");
    if (upstream == nullptr) return;
    for (const json::Value& call : upstream->Items()) {
      const json::Value* answer = call.Find("response")->Find(member);
      if (answer == nullptr) continue;
      if (answer->IsArray()) {
        for (const json::Value& event : answer->Items()) use(event);
      } else {
        use(*answer);
      }
    }
  });
}

}  // namespace gc
