// vector_compare.h: finds the golden vectors and compares JSON the way tests/vectors/README.md says.
// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace gc {

// The names of all vector files, without ".json", sorted.
std::vector<std::string> VectorNames();
// The parsed file; throws std::runtime_error when it cannot be read: without vectors no test means anything.
json::Document LoadVector(const std::string& name);

// A member. A vector without it is broken, and null then fails every comparison.
inline const json::Value& At(const json::Value& object, std::string_view name) {
  static const json::Value kNull;
  const json::Value* v = object.Find(name);
  return v == nullptr ? kNull : *v;
}

// One per vector: placeholders with a name are bound on first sight.
class VectorCompare {
 public:
  // Both return the first difference with its path; empty: they match.
  // The body of a request to Gemini: equal, but for the extras that the rules allow.
  std::string Request(const json::Value& expected, const json::Value& actual);
  // What a client gets: every expected key is there, and equal.
  std::string Answer(const json::Value& expected, const json::Value& actual);

 private:
  enum class Mode { kEqual, kSubset };

  std::string Compare(Mode mode, const json::Value& expected, const json::Value& actual, const std::string& path);
  std::string CompareObject(Mode mode, const json::Value& expected, const json::Value& actual, const std::string& path);
  std::string CompareString(Mode mode, const json::Value& expected, const json::Value& actual, const std::string& path);
  std::string CompareMark(std::string_view mark, const json::Value& actual, const std::string& path);
  std::string Bind(const std::string& name, const json::Value& actual, const std::string& path);

  std::map<std::string, std::string> bound_;
};

}  // namespace gc
