// json.cc: builds json::Value trees from RapidJSON's events.
// SPDX-License-Identifier: MIT
#include "base/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace gc::json {

// Receives RapidJSON's SAX events; children wait on a stack until their container closes.
class Builder {
 public:
  explicit Builder(std::pmr::memory_resource* arena) : arena_(arena) {}

  bool Null() { return Push(Type::kNull, nullptr, 0); }
  bool Bool(bool b) { return Push(b ? Type::kTrue : Type::kFalse, nullptr, 0); }
  bool RawNumber(const char* s, rapidjson::SizeType n, bool /*copy*/) { return Push(Type::kNumber, s, n); }
  bool String(const char* s, rapidjson::SizeType n, bool /*copy*/) {
    lone_surrogate_ = HasSurrogate({s, n});
    return !lone_surrogate_ && Push(Type::kString, s, n);
  }
  bool Key(const char* s, rapidjson::SizeType n, bool copy) { return String(s, n, copy); }
  bool StartObject() { return Open(); }
  bool StartArray() { return Open(); }
  bool EndObject(rapidjson::SizeType members) { return Close(Type::kObject, members, size_t{2} * members); }
  bool EndArray(rapidjson::SizeType items) { return Close(Type::kArray, items, items); }
  // Numbers arrive as text only (kParseNumbersAsStringsFlag); RapidJSON still wants these to exist.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }

  bool too_deep() const { return too_deep_; }
  bool lone_surrogate() const { return lone_surrogate_; }
  Value root() const { return stack_.front(); }

 private:
  // RapidJSON refuses a lone \ud800 but encodes a lone \udc00, which no UTF-8 may hold.
  static bool HasSurrogate(std::string_view s) {
    for (size_t at = s.find('\xED'); at != std::string_view::npos; at = s.find('\xED', at + 1)) {
      if (at + 1 < s.size() && static_cast<unsigned char>(s[at + 1]) >= 0xA0) return true;
    }
    return false;
  }
  bool Push(Type type, const void* data, size_t size) {
    Value v;
    v.type_ = type;
    v.data_ = data;
    v.size_ = static_cast<uint32_t>(size);
    stack_.push_back(v);
    return true;
  }
  bool Open() {
    too_deep_ = ++depth_ > kMaxDepth;
    return !too_deep_;
  }
  bool Close(Type type, size_t size, size_t nodes) {
    --depth_;
    void* copy = nullptr;
    if (nodes > 0) {
      const size_t bytes = nodes * sizeof(Value);
      copy = arena_->allocate(bytes, alignof(Value));
      std::memcpy(copy, stack_.data() + (stack_.size() - nodes), bytes);
      stack_.resize(stack_.size() - nodes);
    }
    return Push(type, copy, size);
  }

  std::pmr::memory_resource* arena_;
  std::vector<Value> stack_;
  int depth_ = 0;
  bool too_deep_ = false;
  bool lone_surrogate_ = false;
};

static_assert(std::is_trivially_copyable_v<Value> && sizeof(Member) == 2 * sizeof(Value));

std::string_view Value::Text() const {
  if (type_ != Type::kString && type_ != Type::kNumber) return {};
  return {static_cast<const char*>(data_), size_};
}

std::span<const Value> Value::Items() const {
  if (type_ != Type::kArray) return {};
  return {static_cast<const Value*>(data_), size_};
}

std::span<const Member> Value::Members() const {
  if (type_ != Type::kObject) return {};
  return {static_cast<const Member*>(data_), size_};
}

const Value* Value::Find(std::string_view name) const {
  const auto members = Members();
  for (auto it = members.rbegin(); it != members.rend(); ++it) {
    if (it->name.Text() == name) return &it->value;
  }
  return nullptr;
}

std::optional<std::string_view> Value::String() const {
  if (type_ != Type::kString) return std::nullopt;
  return Text();
}

std::optional<bool> Value::Bool() const {
  if (type_ == Type::kTrue) return true;
  if (type_ == Type::kFalse) return false;
  return std::nullopt;
}

std::optional<int64_t> Value::Int() const {
  if (type_ != Type::kNumber) return std::nullopt;
  const std::string_view text = Text();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  const double d = *Double();
  constexpr double kExact = 9007199254740992.0;  // from 2^53 on a double no longer says which integer was meant
  if (std::fabs(d) >= kExact || d != std::floor(d)) return std::nullopt;
  return static_cast<int64_t>(d);
}

std::optional<double> Value::Double() const {
  if (type_ != Type::kNumber) return std::nullopt;
  const std::string_view text = Text();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // from_chars says the same for too large and too small; strtod gives infinity or the nearest to zero.
  if (error == std::errc::result_out_of_range) return std::strtod(std::string(text).c_str(), nullptr);
  return value;
}

std::string_view Value::StringOr(std::string_view name, std::string_view fallback) const {
  const Value* v = Find(name);
  return v != nullptr && v->IsString() ? v->Text() : fallback;
}

int64_t Value::IntOr(std::string_view name, int64_t fallback) const {
  const Value* v = Find(name);
  if (v == nullptr) return fallback;
  if (v->IsString()) {
    int64_t value = 0;
    const std::string_view text = v->Text();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? value : fallback;
  }
  return v->Int().value_or(fallback);
}

bool Value::BoolOr(std::string_view name, bool fallback) const {
  const Value* v = Find(name);
  return v == nullptr ? fallback : v->Bool().value_or(fallback);
}

Result<Document> Document::Parse(std::string text) {
  constexpr unsigned kFlags = rapidjson::kParseInsituFlag | rapidjson::kParseIterativeFlag |
                              rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag;
  if (text.size() > UINT32_MAX) return Error{ErrorKind::kTooLarge, "JSON text over 4 GiB"};
  // RapidJSON stops at a NUL as if the text ended there; what follows must not be lost.
  if (const size_t nul = text.find('\0'); nul != std::string::npos) {
    return Error{ErrorKind::kInvalid, "NUL byte at offset " + std::to_string(nul)};
  }
  // RapidJSON takes the bytes that should follow the first of a UTF-8 sequence without looking for the text's end.
  // JSON ends in ASCII: no sequence can begin in its last two bytes.
  for (size_t at = text.size() - std::min<size_t>(text.size(), 2); at < text.size(); ++at) {
    if (static_cast<unsigned char>(text[at]) < 0xC0) continue;
    return Error{ErrorKind::kInvalid, "Invalid UTF-8 at offset " + std::to_string(at)};
  }
  Document doc;
  doc.text_ = std::make_unique<std::string>(std::move(text));
  const size_t first_block = doc.text_->size() / 4 + 512;
  doc.arena_ = std::make_unique<std::pmr::monotonic_buffer_resource>(first_block);
  Builder builder(doc.arena_.get());
  rapidjson::InsituStringStream stream(doc.text_->data());
  rapidjson::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, builder);
  if (result.IsError()) {
    const std::string at = " at offset " + std::to_string(result.Offset());
    if (builder.too_deep()) {
      return Error{ErrorKind::kInvalid, "nesting deeper than " + std::to_string(kMaxDepth) + " levels" + at};
    }
    if (builder.lone_surrogate()) return Error{ErrorKind::kInvalid, "lone surrogate escape" + at};
    std::string why = rapidjson::GetParseError_En(result.Code());
    if (!why.empty() && why.back() == '.') why.pop_back();
    return Error{ErrorKind::kInvalid, why + at};
  }
  doc.root_ = builder.root();
  return doc;
}

namespace {

bool NeedsEscape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

// Whether one of eight bytes needs an escape; may say yes for a byte that follows such a one, never no.
bool AnyNeedsEscape(uint64_t bytes) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kTops = 0x8080808080808080;
  // The top bit of each byte that is below n, for n up to 128; a byte that equals c is one below 1 after the XOR.
  const auto below = [](uint64_t word, uint64_t n) { return (word - kOnes * n) & ~word & kTops; };
  return (below(bytes, 0x20) | below(bytes ^ kOnes * '"', 1) | below(bytes ^ kOnes * '\\', 1)) != 0;
}

// How many bytes at the front need no escape.
size_t PlainRun(std::string_view s) {
  size_t run = 0;
  for (uint64_t word = 0; run + sizeof word <= s.size(); run += sizeof word) {
    std::memcpy(&word, s.data() + run, sizeof word);
    if (AnyNeedsEscape(word)) break;
  }
  while (run < s.size() && !NeedsEscape(s[run])) ++run;
  return run;
}

void AppendEscaped(char c, std::string* out) {
  static constexpr std::string_view kNamed = "\"\\\b\f\n\r\t";
  static constexpr std::string_view kNames = "\"\\bfnrt";
  static constexpr char kHex[] = "0123456789ABCDEF";
  if (const size_t at = kNamed.find(c); at != std::string_view::npos) {
    out->append({'\\', kNames[at]});
  } else {
    out->append({'\\', 'u', '0', '0', kHex[(c >> 4) & 0xF], kHex[c & 0xF]});
  }
}

}  // namespace

void RunWriter::Text(std::string_view s) {
  Prefix(rapidjson::kStringType);
  *out_ += '"';
  while (!s.empty()) {
    const size_t run = PlainRun(s);
    out_->append(s.substr(0, run));
    if (run == s.size()) break;
    AppendEscaped(s[run], out_);
    s.remove_prefix(run + 1);
  }
  *out_ += '"';
}

// Recursion is bounded: no document is deeper than kMaxDepth.
Writer& Writer::Copy(const Value& value) {
  switch (value.type()) {
    case Type::kNull:
      return Null();
    case Type::kFalse:
      return Bool(false);
    case Type::kTrue:
      return Bool(true);
    case Type::kNumber:
      return Raw(value.Text());
    case Type::kString:
      return String(value.Text());
    case Type::kArray:
      BeginArray();
      for (const Value& item : value.Items()) Copy(item);
      return EndArray();
    case Type::kObject:
      BeginObject();
      for (const Member& m : value.Members()) {
        Key(m.name.Text());
        Copy(m.value);
      }
      return EndObject();
  }
  return *this;
}

std::string ToText(const Value& value) {
  std::string text;
  Writer(&text).Copy(value);
  return text;
}

namespace {

// Length of the valid UTF-8 sequence at the front of `s`, 0 when there is none (Unicode 15, table 3-7).
size_t SequenceLength(std::string_view s) {
  const auto byte = [&](size_t i) -> unsigned { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0U; };
  const auto tail = [&](size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned b0 = byte(0);
  const unsigned b1 = byte(1);
  if (b0 < 0x80) return 1;
  if (b0 >= 0xC2 && b0 <= 0xDF) return tail(1) ? 2 : 0;
  if (b0 >= 0xE0 && b0 <= 0xEF) {
    const bool second = b0 == 0xE0 ? (b1 >= 0xA0 && b1 <= 0xBF) : b0 == 0xED ? (b1 >= 0x80 && b1 <= 0x9F) : tail(1);
    return second && tail(2) ? 3 : 0;
  }
  if (b0 >= 0xF0 && b0 <= 0xF4) {
    const bool second = b0 == 0xF0 ? (b1 >= 0x90 && b1 <= 0xBF) : b0 == 0xF4 ? (b1 >= 0x80 && b1 <= 0x8F) : tail(1);
    return second && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string CleanUtf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const size_t n = SequenceLength(bytes);
    if (n == 0) {
      out += "\xEF\xBF\xBD";
      bytes.remove_prefix(1);
    } else {
      out += bytes.substr(0, n);
      bytes.remove_prefix(n);
    }
  }
  return out;
}

}  // namespace gc::json
