// fake_gemini_schema.cc: the documented JSON-schema keywords, and sample values.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_schema.h"

#include <algorithm>
#include <cmath>

#include "support/fake_gemini_fields.h"

namespace gc::test::fake {
namespace {

constexpr std::string_view kKeywords[] = {"$id",
                                          "$defs",
                                          "$ref",
                                          "$anchor",
                                          "type",
                                          "format",
                                          "title",
                                          "description",
                                          "enum",
                                          "items",
                                          "prefixItems",
                                          "minItems",
                                          "maxItems",
                                          "minimum",
                                          "maximum",
                                          "anyOf",
                                          "oneOf",
                                          "properties",
                                          "additionalProperties",
                                          "required",
                                          "propertyOrdering"};
// Tolerated in function parameters, refused in answers (they blow up constrained decoding).
constexpr std::string_view kParameterKeywords[] = {"minLength", "maxLength", "pattern"};

bool Contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class JsonSchemaChecker {
 public:
  JsonSchemaChecker(const json::Value& root, SchemaUse use, std::vector<Violation>* out)
      : root_(root), use_(use), out_(out) {}

  void Check(const json::Value& schema, const std::string& path) {
    if (!schema.IsObject()) return Add(path, "Invalid value at '" + path + "' (JSON schema), " + json::ToText(schema));
    for (const json::Member& m : schema.Members()) CheckKeyword(m, path);
    CheckReference(schema, path);
    CheckRequired(schema, path);
    if (schema.StringOr("type", "") == "array" && !schema.Find("items") && !schema.Find("prefixItems")) {
      Add(path, "Invalid value at '" + path + ".items': missing field.");
    }
  }

 private:
  void Add(const std::string& path, std::string text) { out_->push_back({path, std::move(text)}); }

  void CheckKeyword(const json::Member& m, const std::string& path) {
    const std::string_view name = m.name.Text();
    const bool known =
        Contains(kKeywords, name) || (use_ == SchemaUse::kParameters && Contains(kParameterKeywords, name));
    if (!known) {
      return Add(path, "Invalid JSON payload received. Unknown name \"" + std::string(name) + "\" at '" + path +
                           "': Cannot find field.");
    }
    const std::string at = path + "." + std::string(name);
    if (name == "properties" || name == "$defs") {
      for (const json::Member& child : m.value.Members()) Check(child.value, at + "." + std::string(child.name.Text()));
    } else if (name == "items" || (name == "additionalProperties" && !m.value.Bool())) {
      Check(m.value, at);
    } else if (name == "anyOf" || name == "oneOf" || name == "prefixItems") {
      size_t i = 0;
      for (const json::Value& child : m.value.Items()) Check(child, at + "[" + std::to_string(i++) + "]");
    } else if (name == "enum") {
      CheckEnum(m.value, at);
    }
  }

  void CheckEnum(const json::Value& values, const std::string& at) {
    size_t i = 0;
    for (const json::Value& value : values.Items()) {
      if (!value.IsString() && !value.IsNumber() && !value.IsNull()) {
        Add(at, "Invalid value at '" + at + "[" + std::to_string(i) + "]' (TYPE_STRING), " + json::ToText(value));
      }
      ++i;
    }
  }

  void CheckReference(const json::Value& schema, const std::string& path) {
    const json::Value* ref = schema.Find("$ref");
    if (ref == nullptr) return;
    for (const json::Member& m : schema.Members()) {
      if (m.name.Text().starts_with("$")) continue;
      return Add(path, "Invalid value at '" + path + "': only keywords that begin with $ may stand beside $ref.");
    }
    const std::string_view target = ref->Text();
    const json::Value* defs = root_.Find("$defs");
    const bool found =
        target == "#" || (target.starts_with("#/$defs/") && defs != nullptr && defs->Find(target.substr(8)) != nullptr);
    if (!found) Add(path, "Invalid value at '" + path + "': reference to undefined schema " + std::string(target));
  }

  void CheckRequired(const json::Value& schema, const std::string& path) {
    const json::Value* required = schema.Find("required");
    const json::Value* properties = schema.Find("properties");
    if (required == nullptr) return;
    size_t i = 0;
    for (const json::Value& name : required->Items()) {
      if (properties == nullptr || properties->Find(name.Text()) == nullptr) {
        Add(path, "Invalid value at '" + path + ".required[" + std::to_string(i) + "]': property is not defined");
      }
      ++i;
    }
  }

  const json::Value& root_;
  SchemaUse use_;
  std::vector<Violation>* out_;
};

// Follows "#/$defs/X" once per step; sample values stop at a depth instead of tracking cycles.
constexpr int kMaxSampleDepth = 12;

class Sampler {
 public:
  Sampler(const json::Value& root, std::string_view prompt) : root_(root), prompt_(Utf8Prefix(prompt, 200)) {}

  void Write(const json::Value& schema, int depth, json::Writer* w) {
    if (depth > kMaxSampleDepth || !schema.IsObject()) return void(w->Null());
    if (const json::Value* ref = schema.Find("$ref")) return Write(Resolve(ref->Text()), depth + 1, w);
    for (const std::string_view any : {"anyOf", "oneOf"}) {
      if (const json::Value* options = schema.Find(any); options != nullptr && !options->Items().empty()) {
        return Write(options->Items().front(), depth + 1, w);
      }
    }
    if (const json::Value* values = schema.Find("enum"); values != nullptr && !values->Items().empty()) {
      return void(w->Copy(values->Items().front()));
    }
    WriteTyped(TypeOf(schema), schema, depth, w);
  }

 private:
  const json::Value& Resolve(std::string_view target) const {
    const json::Value* defs = root_.Find("$defs");
    const json::Value* found =
        target.starts_with("#/$defs/") && defs != nullptr ? defs->Find(target.substr(8)) : nullptr;
    return found == nullptr ? root_ : *found;
  }

  static std::string TypeOf(const json::Value& schema) {
    const json::Value* type = schema.Find("type");
    if (type != nullptr && type->IsArray() && !type->Items().empty()) type = &type->Items().front();
    std::string name(type == nullptr ? std::string_view() : type->Text());
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (!name.empty()) return name;
    return schema.Find("properties") != nullptr ? "object" : schema.Find("items") != nullptr ? "array" : "string";
  }

  void WriteTyped(const std::string& type, const json::Value& schema, int depth, json::Writer* w) {
    if (type == "object") return WriteObject(schema, depth, w);
    if (type == "array") return WriteArray(schema, depth, w);
    if (type == "boolean") return void(w->Bool(true));
    if (type == "null") return void(w->Null());
    if (type == "integer") return void(w->Int(static_cast<int64_t>(std::ceil(Number(schema, 7)))));
    if (type == "number") return void(w->Double(Number(schema, 1.5)));
    w->String(prompt_);
  }

  static double Number(const json::Value& schema, double wish) {
    const json::Value* min = schema.Find("minimum");
    const json::Value* max = schema.Find("maximum");
    if (max != nullptr && max->Double()) wish = std::min(wish, *max->Double());
    if (min != nullptr && min->Double()) wish = std::max(wish, *min->Double());
    return wish;
  }

  void WriteArray(const json::Value& schema, int depth, json::Writer* w) {
    const json::Value* items = schema.Find("items");
    w->BeginArray();
    for (int64_t i = 0; items != nullptr && i < std::max<int64_t>(1, schema.IntOr("minItems", 1)); ++i) {
      Write(*items, depth + 1, w);
    }
    w->EndArray();
  }

  void WriteObject(const json::Value& schema, int depth, json::Writer* w) {
    const json::Value* properties = schema.Find("properties");
    bool optional_written = false;
    w->BeginObject();
    for (const json::Member& m : properties == nullptr ? std::span<const json::Member>() : properties->Members()) {
      const bool required = IsRequired(schema, m.name.Text());
      if (!required && (optional_written || depth > 4)) continue;
      optional_written |= !required;
      w->Key(m.name.Text());
      Write(m.value, depth + 1, w);
    }
    w->EndObject();
  }

  static bool IsRequired(const json::Value& schema, std::string_view name) {
    const json::Value* required = schema.Find("required");
    if (required == nullptr) return false;
    return std::any_of(required->Items().begin(), required->Items().end(),
                       [&](const json::Value& v) { return v.Text() == name; });
  }

  const json::Value& root_;
  std::string_view prompt_;
};

}  // namespace

void CheckJsonSchema(const json::Value& schema, SchemaUse use, const std::string& path, std::vector<Violation>* out) {
  JsonSchemaChecker(schema, use, out).Check(schema, path);
}

void CheckOpenApiSchema(const json::Value& schema, const std::string& path, std::vector<std::string>* lines) {
  const std::string_view type = GetText(schema, "type");
  const bool is_array = type == "array" || type == "ARRAY";
  const json::Value* properties = Get(schema, "properties");
  const json::Value* items = Get(schema, "items");
  const auto any_of = List(schema, "anyOf");
  if (type.empty() && any_of.empty()) lines->push_back("* " + path + ".type: must be specified");
  if (is_array && items == nullptr) lines->push_back("* " + path + ".items: missing field.");
  size_t i = 0;
  for (const json::Value* value : List(schema, "enum")) {
    if (value->Text().empty()) lines->push_back("* " + path + ".enum[" + std::to_string(i) + "]: cannot be empty");
    ++i;
  }
  i = 0;
  for (const json::Value* name : List(schema, "required")) {
    if (properties == nullptr || properties->Find(name->Text()) == nullptr) {
      lines->push_back("* " + path + ".required[" + std::to_string(i) + "]: property is not defined");
    }
    ++i;
  }
  if (items != nullptr) CheckOpenApiSchema(*items, path + ".items", lines);
  for (const json::Member& m : properties == nullptr ? std::span<const json::Member>() : properties->Members()) {
    CheckOpenApiSchema(m.value, path + ".properties[" + std::string(m.name.Text()) + "]", lines);
  }
  i = 0;
  for (const json::Value* option : any_of) {
    CheckOpenApiSchema(*option, path + ".any_of[" + std::to_string(i++) + "]", lines);
  }
}

std::string SampleValue(const json::Value& schema, std::string_view prompt) {
  std::string out;
  json::Writer w(&out);
  Sampler(schema, prompt).Write(schema, 0, &w);
  return out;
}

}  // namespace gc::test::fake
