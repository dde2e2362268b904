// fields.h: typed reading of a client's JSON. A value of the wrong type is an error that names the field's path; the
// first error of a request sticks, so that a reader can ask for ten fields and look once.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "handler/api_error.h"

namespace gc {

// Where a value stands, e.g. messages[1].content. A chain of frames on the stack: text is made only for an error.
// A path must not outlive the one it was made from.
class FieldPath {
 public:
  FieldPath() = default;
  FieldPath Key(std::string_view name) const { return FieldPath(this, name, -1); }
  FieldPath Index(size_t index) const { return FieldPath(this, {}, static_cast<int64_t>(index)); }
  std::string Text() const;

 private:
  FieldPath(const FieldPath* parent, std::string_view name, int64_t index)
      : parent_(parent), name_(name), index_(index) {}

  const FieldPath* parent_ = nullptr;
  std::string_view name_;
  int64_t index_ = -1;  // -1: a member of that name
};

// The first thing that is wrong with a request.
class FirstError {
 public:
  // Message: the path (if any) and what is wrong with it.
  void Set(ApiErrorKind kind, const FieldPath& path, std::string_view what);
  void Invalid(const FieldPath& path, std::string_view what) { Set(ApiErrorKind::kInvalidRequest, path, what); }

  bool set() const { return error_.has_value(); }
  // REQUIRES: set().
  const ApiError& error() const { return *error_; }

 private:
  std::optional<ApiError> error_;
};

// The members of one object. Absent and null are the same. Views point into the document.
class Fields {
 public:
  // A value that is not an object is an error, and then has no members.
  Fields(const json::Value& object, const FieldPath& path, FirstError* error);

  const json::Value* Any(std::string_view name) const;
  std::optional<std::string_view> String(std::string_view name) const;
  std::optional<bool> Bool(std::string_view name) const;
  std::optional<int64_t> Int(std::string_view name) const;
  // The node and not a double: a number goes on as it was written.
  const json::Value* Number(std::string_view name, double min, double max) const;
  const json::Value* Object(std::string_view name) const;
  const json::Value* Array(std::string_view name) const;
  // Absent is an error as well, and so is an empty string; the result is empty then.
  std::string_view RequiredString(std::string_view name) const;

  FieldPath Path(std::string_view name) const { return path_.Key(name); }
  FirstError* error() const { return error_; }

 private:
  void Wrong(std::string_view name, std::string_view expected) const;

  const json::Value& object_;
  const FieldPath& path_;
  FirstError* error_;
};

}  // namespace gc
