// json.h: JSON documents that keep what the sender wrote: key order, and the text of every number.
// RapidJSON's reader does the lexing (iterative, encodings validated); the tree is ours because RapidJSON's own turns
// numbers into machine types, and a tool argument of 1.0 must not leave as 1.
// SPDX-License-Identifier: MIT
#pragma once

#include <rapidjson/writer.h>

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gc::json {

inline constexpr int kMaxDepth = 128;  // arrays and objects inside each other

enum class Type : uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

struct Member;

// A view of one node; 16 bytes, copied freely. Valid as long as its Document lives.
class Value {
 public:
  constexpr Value() = default;

  Type type() const { return type_; }
  bool IsNull() const { return type_ == Type::kNull; }
  bool IsString() const { return type_ == Type::kString; }
  bool IsNumber() const { return type_ == Type::kNumber; }
  bool IsArray() const { return type_ == Type::kArray; }
  bool IsObject() const { return type_ == Type::kObject; }

  // The decoded text of a string, the source text of a number, else empty.
  std::string_view Text() const;
  // Elements of an array, else empty.
  std::span<const Value> Items() const;
  // Members of an object in the order written, duplicates included, else empty.
  std::span<const Member> Members() const;
  // Member of that name, the last one if it occurs twice (as in JavaScript); nullptr when absent or not an object.
  const Value* Find(std::string_view name) const;

  // Typed readings; nullopt when the node is of another type (or the number is not integral / out of range).
  std::optional<std::string_view> String() const;
  std::optional<bool> Bool() const;
  std::optional<int64_t> Int() const;  // 3 and 3.0 are integral, "3" is not
  std::optional<double> Double() const;

  // The same for a member: nullopt when absent, null or of another type. For input whose errors nobody reads.
  std::string_view StringOr(std::string_view name, std::string_view fallback) const;
  int64_t IntOr(std::string_view name, int64_t fallback) const;  // accepts "3" too: ProtoJSON writes int64 as strings
  bool BoolOr(std::string_view name, bool fallback) const;

 private:
  friend class Builder;
  const void* data_ = nullptr;
  uint32_t size_ = 0;
  Type type_ = Type::kNull;
};

struct Member {
  Value name;
  Value value;
};

// Owns a parsed text and its nodes. Movable; Values stay valid over a move.
class Document {
 public:
  // Parses one JSON text; the text is consumed (strings are decoded in place). Errors: kInvalid with the byte offset
  // for malformed text, invalid UTF-8, or more than kMaxDepth levels.
  static Result<Document> Parse(std::string text);

  const Value& root() const { return root_; }

 private:
  std::unique_ptr<std::string> text_;
  std::unique_ptr<std::pmr::monotonic_buffer_resource> arena_;
  Value root_;
};

// Appends to a string, the way RapidJSON's writer wants its output.
class StringStream {
 public:
  using Ch = char;
  explicit StringStream(std::string* out) : out_(out) {}
  void Put(char c) { out_->push_back(c); }
  void Flush() {}

 private:
  std::string* out_;
};

// RapidJSON's writer, whose strings and raw values go out in runs: it puts them byte by byte, and most of what a
// gateway writes is text.
class RunWriter : public rapidjson::Writer<StringStream> {
 public:
  RunWriter(std::string* out, StringStream* stream) : Writer(*stream), out_(out) {}

  void Text(std::string_view s);
  void RawText(std::string_view s) {
    Prefix(rapidjson::kObjectType);
    out_->append(s);
  }

 private:
  std::string* out_;
};

// Writes compact JSON to the end of a string. The caller nests correctly and gives valid UTF-8.
class Writer {
 public:
  explicit Writer(std::string* out) : out_(out), stream_(out), writer_(out, &stream_) {}

  Writer& BeginObject() { return writer_.StartObject(), *this; }
  Writer& EndObject() { return writer_.EndObject(), *this; }
  Writer& BeginArray() { return writer_.StartArray(), *this; }
  Writer& EndArray() { return writer_.EndArray(), *this; }
  Writer& Key(std::string_view k) { return String(k); }
  Writer& String(std::string_view s) { return writer_.Text(s), *this; }
  Writer& Int(int64_t v) { return writer_.Int64(v), *this; }
  Writer& Double(double v) { return writer_.Double(v), *this; }
  Writer& Bool(bool v) { return writer_.Bool(v), *this; }
  Writer& Null() { return writer_.Null(), *this; }
  // A complete JSON value as text, not checked.
  Writer& Raw(std::string_view text) { return writer_.RawText(text), *this; }
  // A parsed value, numbers as they were written.
  Writer& Copy(const Value& value);

  std::string* out() { return out_; }

 private:
  std::string* out_;
  StringStream stream_;
  RunWriter writer_;
};

// The compact text of a value.
std::string ToText(const Value& value);

// Valid UTF-8 from any bytes: every malformed sequence becomes U+FFFD.
std::string CleanUtf8(std::string_view bytes);

}  // namespace gc::json
