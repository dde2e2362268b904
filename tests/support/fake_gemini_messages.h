// fake_gemini_messages.h: the request messages of the v1beta API as tables.
// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>

namespace gc::test::fake {

enum class Kind {
  kString,
  kInt32,
  kInt64,
  kFloat,
  kBool,
  kBytes,
  kEnum,             // `values` lists the names
  kMessage,          // `message`
  kMessageMap,       // any name -> `message`
  kStringMap,        // any name -> string
  kObject,           // google.protobuf.Struct
  kAny,              // google.protobuf.Value
  kParameterSchema,  // google.protobuf.Value whose content is a JSON schema of a function
  kResponseSchema,   // the same of an answer
};

struct Message;

enum class Label { kOne, kMany };

struct Field {
  std::string_view name;
  Kind kind;
  Label label = Label::kOne;
  const Message* message = nullptr;
  std::string_view values = {};
  std::string_view oneof = {};
};

struct Message {
  std::string_view type;
  std::span<const Field> fields;
};

extern const Message kGenerateContentRequest;
extern const Message kCountTokensRequest;
extern const Message kEmbedContentRequest;
extern const Message kBatchEmbedContentsRequest;

}  // namespace gc::test::fake
