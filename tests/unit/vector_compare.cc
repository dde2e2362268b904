// vector_compare.cc: the comparison rules of the golden vectors.
// SPDX-License-Identifier: MIT
#include "vector_compare.h"

#include <strings.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "handler/proto_anthropic_carrier.h"

namespace gc {
namespace {

using json::Value;

std::filesystem::path Directory() { return std::filesystem::path(__FILE__).parent_path().parent_path() / "vectors"; }

std::string Differs(const std::string& path, const std::string& expected, const std::string& actual) {
  return (path.empty() ? "root" : path) + ": expected " + expected + ", got " + actual;
}

// What an upstream request may hold beyond the vector.
bool IsAllowedExtra(const std::string& path, const Value& actual) {
  const std::string text = json::ToText(actual);
  if (path == ".safetySettings" || path == ".store" || path == ".systemInstruction.role") return true;
  if (path == ".toolConfig") return text == R"({"functionCallingConfig":{"mode":"AUTO"}})";
  if (path == ".toolConfig.functionCallingConfig.mode") return text == R"("AUTO")";
  if (path == ".generationConfig.candidateCount") return text == "1";
  return path.ends_with(".thinkingConfig.includeThoughts") && text == "false";
}

bool IsId(std::string_view text) {
  return !text.empty() && text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
                              std::string_view::npos;
}

bool HoldsJson(const std::string& path) { return path.ends_with(".arguments") || path.ends_with(".partial_json"); }

}  // namespace

std::vector<std::string> VectorNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(Directory())) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

json::Document LoadVector(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(Directory() / (name + ".json")).rdbuf();
  auto document = json::Document::Parse(text.str());
  if (!document.ok()) throw std::runtime_error(name + ": " + document.error().message);
  return std::move(*document);
}

std::string VectorCompare::Request(const Value& expected, const Value& actual) {
  return Compare(Mode::kEqual, expected, actual, "");
}

std::string VectorCompare::Answer(const Value& expected, const Value& actual) {
  return Compare(Mode::kSubset, expected, actual, "");
}

std::string VectorCompare::Compare(Mode mode, const Value& expected, const Value& actual, const std::string& path) {
  if (expected.IsString()) return CompareString(mode, expected, actual, path);
  if (expected.type() != actual.type()) return Differs(path, json::ToText(expected), json::ToText(actual));
  if (expected.IsNumber() && *expected.Double() != *actual.Double()) {
    return Differs(path, std::string(expected.Text()), std::string(actual.Text()));
  }
  if (expected.IsObject()) return CompareObject(mode, expected, actual, path);
  if (expected.Items().size() != actual.Items().size()) {
    return Differs(path, std::to_string(expected.Items().size()) + " elements", json::ToText(actual));
  }
  for (size_t i = 0; i < expected.Items().size(); ++i) {
    const std::string at = path + "[" + std::to_string(i) + "]";
    if (auto why = Compare(mode, expected.Items()[i], actual.Items()[i], at); !why.empty()) return why;
  }
  return {};
}

std::string VectorCompare::CompareObject(Mode mode, const Value& expected, const Value& actual,
                                         const std::string& path) {
  for (const json::Member& member : expected.Members()) {
    const std::string at = path + "." + std::string(member.name.Text());
    const Value* value = actual.Find(member.name.Text());
    if (value != nullptr) {
      if (auto why = Compare(mode, member.value, *value, at); !why.empty()) return why;
      continue;
    }
    const bool omissible = (mode == Mode::kSubset && at == ".usage" && member.value.IsNull()) ||
                           (mode == Mode::kEqual && IsAllowedExtra(at, member.value));
    if (!omissible) return Differs(at, json::ToText(member.value), "nothing");
  }
  std::set<std::string_view> seen;
  for (const json::Member& member : actual.Members()) {
    const std::string at = path + "." + std::string(member.name.Text());
    if (!seen.insert(member.name.Text()).second) return at + ": occurs twice";
    if (mode == Mode::kEqual && expected.Find(member.name.Text()) == nullptr && !IsAllowedExtra(at, member.value)) {
      return Differs(at, "nothing", json::ToText(member.value));
    }
  }
  return {};
}

std::string VectorCompare::CompareString(Mode mode, const Value& expected, const Value& actual,
                                         const std::string& path) {
  const std::string_view text = expected.Text();
  if (text.starts_with("{{") && text.ends_with("}}")) return CompareMark(text.substr(2, text.size() - 4), actual, path);
  const std::string got = json::ToText(actual);
  if (!actual.IsString()) return Differs(path, std::string(text), got);
  if (HoldsJson(path)) {
    const auto expected_json = json::Document::Parse(std::string(text));
    const auto actual_json = json::Document::Parse(std::string(actual.Text()));
    if (!expected_json.ok() || !actual_json.ok()) return Differs(path, "JSON", got);
    return Compare(Mode::kEqual, expected_json->root(), actual_json->root(), path);
  }
  const bool same = mode == Mode::kEqual && path.ends_with(".thinkingLevel")
                        ? strcasecmp(std::string(text).c_str(), std::string(actual.Text()).c_str()) == 0
                        : text == actual.Text();
  return same ? "" : Differs(path, std::string(text), got);
}

std::string VectorCompare::CompareMark(std::string_view mark, const Value& actual, const std::string& path) {
  const size_t colon = mark.find(':');
  const std::string_view kind = mark.substr(0, colon);
  const std::string_view rest = colon == std::string_view::npos ? "" : mark.substr(colon + 1);
  const std::string got = json::ToText(actual);
  if (kind == "any") return {};
  if (kind == "int" || kind == "unix") {
    if (actual.Int().value_or(-1) < 0) return Differs(path, "an integer", got);
    return rest.empty() ? "" : Bind("unix:" + std::string(rest), actual, path);
  }
  if (!actual.IsString() || actual.Text().empty()) return Differs(path, "a string", got);
  if (kind == "text") return {};
  if (kind == "contains")
    return actual.Text().find(rest) == std::string_view::npos ? Differs(path, std::string(mark), got) : "";
  if (kind == "carrier") {
    const Carrier carrier = ReadCarrier(actual.Text());
    const std::string target(1, static_cast<char>(carrier.target));
    return target + ":" + std::string(carrier.signature) == rest ? "" : Differs(path, std::string(mark), got);
  }
  if (kind != "id") return path + ": no rule for {{" + std::string(mark) + "}}";
  const size_t name_at = rest.find(':');
  if (!IsId(actual.Text()) || !actual.Text().starts_with(rest.substr(0, name_at))) {
    return Differs(path, std::string(mark), got);
  }
  return name_at == std::string_view::npos ? "" : Bind("id:" + std::string(rest.substr(name_at + 1)), actual, path);
}

// The same name is the same value, and another name of that kind is another one.
std::string VectorCompare::Bind(const std::string& name, const Value& actual, const std::string& path) {
  const auto [entry, is_new] = bound_.try_emplace(name, actual.Text());
  if (!is_new) return entry->second == actual.Text() ? "" : Differs(path, entry->second, json::ToText(actual));
  for (const auto& [other, value] : bound_) {
    if (name.starts_with("id:") && other != name && value == actual.Text()) return path + ": the same as " + other;
  }
  return {};
}

}  // namespace gc
