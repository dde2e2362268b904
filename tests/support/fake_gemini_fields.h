// fake_gemini_fields.h: the shape of a request body, as strictly as Google's JSON front end reads it.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "support/fake_gemini_error.h"

namespace gc::test::fake {

enum class BodyKind { kGenerateContent, kCountTokens, kEmbedContent, kBatchEmbedContents };

// Unknown names, wrong types, doubled oneofs, JSON-schema keywords; empty when the body is well formed.
std::vector<Violation> CheckFields(BodyKind body, const json::Value& root);

// A member under its lowerCamelCase name or the snake_case one; nullptr when absent or null.
const json::Value* Get(const json::Value& object, std::string_view camel_name);
// The elements of a repeated field: an array's items, or the single value that ProtoJSON takes for a list of one.
std::vector<const json::Value*> List(const json::Value& object, std::string_view camel_name);
std::string_view GetText(const json::Value& object, std::string_view camel_name);
// Numbers and integers in strings, as ProtoJSON has them; `fallback` when absent.
int64_t GetInt(const json::Value& object, std::string_view camel_name, int64_t fallback);
bool GetBool(const json::Value& object, std::string_view camel_name);  // absent = false
std::string SnakeCase(std::string_view camel_name);
// Decodes standard or URL-safe base64 with or without padding; false when it is neither.
bool DecodeBase64(std::string_view text, std::string* out);
std::string EncodeBase64(std::string_view bytes);
// At most `bytes` of the text, not ending inside a UTF-8 sequence.
std::string_view Utf8Prefix(std::string_view text, size_t bytes);

}  // namespace gc::test::fake
