// fields.cc: field paths and the type errors that name them.
// SPDX-License-Identifier: MIT
#include "handler/fields.h"

namespace gc {

std::string FieldPath::Text() const {
  if (parent_ == nullptr) return {};
  std::string text = parent_->Text();
  if (index_ >= 0) return text + "[" + std::to_string(index_) + "]";
  if (!text.empty()) text += '.';
  return text.append(name_);
}

void FirstError::Set(ApiErrorKind kind, const FieldPath& path, std::string_view what) {
  if (set()) return;
  ApiError error;
  error.kind = kind;
  error.param = path.Text();
  error.message = error.param.empty() ? std::string(what) : error.param + ": " + std::string(what);
  error_ = std::move(error);
}

Fields::Fields(const json::Value& object, const FieldPath& path, FirstError* error)
    : object_(object), path_(path), error_(error) {
  if (!object.IsObject()) error->Invalid(path, "must be an object");
}

const json::Value* Fields::Any(std::string_view name) const {
  const json::Value* v = object_.Find(name);
  return v == nullptr || v->IsNull() ? nullptr : v;
}

std::optional<std::string_view> Fields::String(std::string_view name) const {
  const json::Value* v = Any(name);
  if (v == nullptr) return std::nullopt;
  if (!v->IsString()) Wrong(name, "must be a string");
  return v->String();
}

std::optional<bool> Fields::Bool(std::string_view name) const {
  const json::Value* v = Any(name);
  if (v == nullptr) return std::nullopt;
  const auto value = v->Bool();
  if (!value) Wrong(name, "must be true or false");
  return value;
}

std::optional<int64_t> Fields::Int(std::string_view name) const {
  const json::Value* v = Any(name);
  if (v == nullptr) return std::nullopt;
  const auto value = v->Int();
  if (!value) Wrong(name, "must be an integer");
  return value;
}

const json::Value* Fields::Number(std::string_view name, double min, double max) const {
  const json::Value* v = Any(name);
  if (v == nullptr) return nullptr;
  const auto value = v->Double();
  if (!value) return Wrong(name, "must be a number"), nullptr;
  if (*value < min || *value > max) return Wrong(name, "is out of range"), nullptr;
  return v;
}

const json::Value* Fields::Object(std::string_view name) const {
  const json::Value* v = Any(name);
  if (v == nullptr || v->IsObject()) return v;
  return Wrong(name, "must be an object"), nullptr;
}

const json::Value* Fields::Array(std::string_view name) const {
  const json::Value* v = Any(name);
  if (v == nullptr || v->IsArray()) return v;
  return Wrong(name, "must be an array"), nullptr;
}

std::string_view Fields::RequiredString(std::string_view name) const {
  if (Any(name) == nullptr) return Wrong(name, "is required"), std::string_view();
  const std::string_view text = String(name).value_or("");
  if (text.empty()) Wrong(name, "must not be empty");
  return text;
}

void Fields::Wrong(std::string_view name, std::string_view expected) const { error_->Invalid(Path(name), expected); }

}  // namespace gc
