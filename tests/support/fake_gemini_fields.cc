// fake_gemini_fields.cc: a walker that compares a body with the message tables.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_fields.h"

#include <algorithm>
#include <map>

#include "support/fake_gemini_messages.h"
#include "support/fake_gemini_schema.h"

namespace gc::test::fake {
namespace {

// Google's JSON front end takes enum names in any case.
bool InList(std::string_view values, std::string_view name) {
  const auto same = [](char a, char b) { return a == (b >= 'a' && b <= 'z' ? b - 32 : b); };
  while (!values.empty()) {
    const size_t space = std::min(values.find(' '), values.size());
    const std::string_view value = values.substr(0, space);
    if (std::equal(value.begin(), value.end(), name.begin(), name.end(), same)) return true;
    values.remove_prefix(std::min(space + 1, values.size()));
  }
  return false;
}

class Walker {
 public:
  std::vector<Violation> violations;

  void CheckMessage(const Message& message, const json::Value& value, const std::string& path) {
    if (!value.IsObject()) return Bad(path, TypeName(message), value);
    std::map<std::string_view, std::string_view> oneofs;
    for (const json::Member& m : value.Members()) {
      const std::string_view name = m.name.Text();
      const Field* field = Find(message, name);
      if (field == nullptr) {
        UnknownName(name, path, "Cannot find field.");
        continue;
      }
      if (m.value.IsNull()) continue;
      if (!field->oneof.empty() && !oneofs.try_emplace(field->oneof, name).second) {
        Add(path, "Invalid value at '" + path + "' (oneof), oneof field '" + std::string(field->oneof) +
                      "' is already set. Cannot set '" + std::string(name) + "'");
        continue;
      }
      CheckField(*field, m.value, path, (path.empty() ? "" : path + ".") + SnakeCase(field->name));
    }
  }

 private:
  static const Field* Find(const Message& message, std::string_view name) {
    for (const Field& field : message.fields) {
      if (field.name == name || SnakeCase(field.name) == name) return &field;
    }
    return nullptr;
  }

  static std::string TypeName(const Message& message) {
    return "type.googleapis.com/google.ai.generativelanguage.v1beta." + std::string(message.type);
  }

  void Add(const std::string& path, std::string description) { violations.push_back({path, std::move(description)}); }

  void UnknownName(std::string_view name, const std::string& path, std::string_view why) {
    const std::string at = path.empty() ? "" : " at '" + path + "'";
    Add(path,
        "Invalid JSON payload received. Unknown name \"" + std::string(name) + "\"" + at + ": " + std::string(why));
  }

  void Bad(const std::string& path, std::string_view type, const json::Value& value) {
    Add(path, "Invalid value at '" + path + "' (" + std::string(type) + "), " + json::ToText(value).substr(0, 200));
  }

  void CheckField(const Field& field, const json::Value& value, const std::string& parent, const std::string& path) {
    const bool holds_list =
        field.kind == Kind::kAny || field.kind == Kind::kParameterSchema || field.kind == Kind::kResponseSchema;
    if (value.IsArray() && field.label == Label::kOne && !holds_list) {
      return UnknownName(SnakeCase(field.name), parent, "Proto field is not repeating, cannot start list.");
    }
    if (!value.IsArray() || field.label == Label::kOne) return CheckOne(field, value, path);
    size_t i = 0;
    for (const json::Value& item : value.Items()) {
      CheckOne(field, item, path + "[" + std::to_string(i++) + "]");
    }
  }

  void CheckOne(const Field& field, const json::Value& value, const std::string& path) {
    switch (field.kind) {
      case Kind::kString:
        return value.IsString() ? void() : Bad(path, "TYPE_STRING", value);
      case Kind::kInt32:
        return CheckInt(value, path, "TYPE_INT32", INT32_MIN, INT32_MAX);
      case Kind::kInt64:
        return CheckInt(value, path, "TYPE_INT64", INT64_MIN, INT64_MAX);
      case Kind::kFloat:
        return value.IsNumber() ? void() : Bad(path, "TYPE_FLOAT", value);
      case Kind::kBool:
        return value.Bool() ? void() : Bad(path, "TYPE_BOOL", value);
      case Kind::kBytes:
        return CheckBytes(value, path);
      case Kind::kEnum:
        return value.IsString() && InList(field.values, value.Text())
                   ? void()
                   : Bad(path, "type.googleapis.com/google.ai.generativelanguage.v1beta enum " + SnakeCase(field.name),
                         value);
      case Kind::kMessage:
        return CheckMessage(*field.message, value, path);
      case Kind::kMessageMap:
      case Kind::kStringMap:
        return CheckMap(field, value, path);
      case Kind::kObject:
        return value.IsObject() ? void() : Bad(path, "type.googleapis.com/google.protobuf.Struct", value);
      case Kind::kAny:
        return;
      case Kind::kParameterSchema:
        return CheckJsonSchema(value, SchemaUse::kParameters, path, &violations);
      case Kind::kResponseSchema:
        return CheckJsonSchema(value, SchemaUse::kResponse, path, &violations);
    }
  }

  // ProtoJSON also takes integers written as strings.
  void CheckInt(const json::Value& value, const std::string& path, std::string_view type, int64_t min, int64_t max) {
    std::optional<int64_t> number = value.Int();
    if (value.IsString()) {
      const auto parsed = json::Document::Parse(std::string(value.Text()));
      if (parsed.ok()) number = parsed->root().Int();
    }
    if (!number || *number < min || *number > max) Bad(path, type, value);
  }

  void CheckBytes(const json::Value& value, const std::string& path) {
    std::string ignored;
    if (!value.IsString()) return Bad(path, "TYPE_BYTES", value);
    if (DecodeBase64(value.Text(), &ignored)) return;
    Add(path, "Invalid value at '" + path + "' (TYPE_BYTES), Base64 decoding failed for " +
                  json::ToText(value).substr(0, 100));
  }

  void CheckMap(const Field& field, const json::Value& value, const std::string& path) {
    if (!value.IsObject()) return Bad(path, "type.googleapis.com/google.protobuf.MapEntry", value);
    size_t i = 0;
    for (const json::Member& m : value.Members()) {
      const std::string entry = path + "[" + std::to_string(i++) + "].value";
      if (field.kind == Kind::kMessageMap) {
        CheckMessage(*field.message, m.value, entry);
      } else if (!m.value.IsString()) {
        Bad(entry, "TYPE_STRING", m.value);
      }
    }
  }
};

}  // namespace

std::vector<Violation> CheckFields(BodyKind body, const json::Value& root) {
  Walker walker;
  const Message& message = body == BodyKind::kGenerateContent ? kGenerateContentRequest
                           : body == BodyKind::kCountTokens   ? kCountTokensRequest
                           : body == BodyKind::kEmbedContent  ? kEmbedContentRequest
                                                              : kBatchEmbedContentsRequest;
  walker.CheckMessage(message, root, "");
  return std::move(walker.violations);
}

std::string SnakeCase(std::string_view camel_name) {
  std::string out;
  for (const char c : camel_name) {
    if (c >= 'A' && c <= 'Z') {
      out += '_';
      out += static_cast<char>(c + 32);
    } else {
      out += c;
    }
  }
  return out;
}

const json::Value* Get(const json::Value& object, std::string_view camel_name) {
  const json::Value* value = object.Find(camel_name);
  if (value == nullptr) value = object.Find(SnakeCase(camel_name));
  return value == nullptr || value->IsNull() ? nullptr : value;
}

std::vector<const json::Value*> List(const json::Value& object, std::string_view camel_name) {
  std::vector<const json::Value*> out;
  const json::Value* value = Get(object, camel_name);
  if (value == nullptr) return out;
  if (!value->IsArray()) return {value};
  for (const json::Value& item : value->Items()) out.push_back(&item);
  return out;
}

std::string_view GetText(const json::Value& object, std::string_view camel_name) {
  const json::Value* value = Get(object, camel_name);
  return value == nullptr ? std::string_view() : value->Text();
}

int64_t GetInt(const json::Value& object, std::string_view camel_name, int64_t fallback) {
  return object.IntOr(object.Find(camel_name) != nullptr ? std::string(camel_name) : SnakeCase(camel_name), fallback);
}

bool GetBool(const json::Value& object, std::string_view camel_name) {
  const json::Value* value = Get(object, camel_name);
  return value != nullptr && value->Bool().value_or(false);
}

bool DecodeBase64(std::string_view text, std::string* out) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return false;
  unsigned bits = 0;
  int have = 0;
  for (const char c : text) {
    unsigned value = 0;
    if (c >= 'A' && c <= 'Z')
      value = static_cast<unsigned>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      value = static_cast<unsigned>(c - 'a') + 26;
    else if (c >= '0' && c <= '9')
      value = static_cast<unsigned>(c - '0') + 52;
    else if (c == '+' || c == '-')
      value = 62;
    else if (c == '/' || c == '_')
      value = 63;
    else
      return false;
    bits = (bits << 6) | value;
    have += 6;
    if (have >= 8) {
      have -= 8;
      *out += static_cast<char>((bits >> have) & 0xFFU);
    }
  }
  return true;
}

std::string EncodeBase64(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int have = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    for (have += 8; have >= 6; have -= 6) out += kAlphabet[(bits >> (have - 6)) & 63U];
  }
  if (have > 0) out += kAlphabet[(bits << (6 - have)) & 63U];
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

std::string_view Utf8Prefix(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
  return text.substr(0, bytes);
}

}  // namespace gc::test::fake
