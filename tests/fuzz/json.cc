// json.cc: what is read is written as it was, and any text becomes a string that is read as that text.
// SPDX-License-Identifier: MIT
#include "base/json.h"

#include <cmath>

#include "fuzz/fuzz.h"
#include "handler/gemini.h"

namespace gc::fuzz {
namespace {

using json::Value;

bool Same(const Value& a, const Value& b) {
  if (a.type() != b.type() || a.Text() != b.Text()) return false;
  if (a.Items().size() != b.Items().size() || a.Members().size() != b.Members().size()) return false;
  for (size_t i = 0; i < a.Items().size(); ++i) {
    if (!Same(a.Items()[i], b.Items()[i])) return false;
  }
  for (size_t i = 0; i < a.Members().size(); ++i) {
    const json::Member& x = a.Members()[i];
    const json::Member& y = b.Members()[i];
    if (!Same(x.name, y.name) || !Same(x.value, y.value)) return false;
  }
  return true;
}

// The typed readings of a value agree with each other and with its type.
std::string CheckReadings(const Value& value) {
  const auto integer = value.Int();
  const auto number = value.Double();
  if (number.has_value() != value.IsNumber()) return "Double() and the type";
  if (integer && !number) return "Int() without Double()";
  if (integer && std::fabs(*number - static_cast<double>(*integer)) > 1024) return "Int() and Double()";
  if (value.String().has_value() != value.IsString()) return "String() and the type";
  for (const Value& item : value.Items()) {
    if (auto broken = CheckReadings(item); !broken.empty()) return broken;
  }
  for (const json::Member& member : value.Members()) {
    const Value* found = value.Find(member.name.Text());
    if (found == nullptr) return "Find() does not find a member";
    if (value.StringOr(member.name.Text(), "") != (found->IsString() ? found->Text() : "")) return "StringOr()";
    value.IntOr(member.name.Text(), 0);
    value.BoolOr(member.name.Text(), false);
    if (auto broken = CheckReadings(member.value); !broken.empty()) return broken;
  }
  return {};
}

std::string CheckText(std::string_view text) {
  const std::string clean = json::CleanUtf8(text);
  if (json::CleanUtf8(clean) != clean) return "clean text is cleaned once more";
  std::string written;
  json::Writer(&written).BeginArray().String(clean).EndArray();
  const auto read = json::Document::Parse(written);
  if (!read.ok()) return "a string that was written cannot be read: " + read.error().message;
  if (read->root().Items().size() != 1 || read->root().Items()[0].Text() != clean) return "a string changed";
  return {};
}

// Invalid UTF-8 and half an emoji are replaced in an answer of Gemini's: once, and nothing else is lost.
std::string CheckRepair(std::string_view text) {
  const std::string repaired = gemini::RepairSurrogates(std::string(text));
  if (gemini::RepairSurrogates(repaired) != repaired) return "repaired text is repaired once more";
  const auto document = json::Document::Parse(std::string(text));
  if (document.ok() && json::CleanUtf8(text) != text) return "text that is not UTF-8 is read";
  if (document.ok() && repaired != text) return "text without a lone surrogate is repaired";
  const bool is_answer = gemini::ParseResponse(std::string(text)).ok();
  if (document.ok() && is_answer != document->root().IsObject()) return "an answer is an object, and that alone";
  return {};
}

}  // namespace

std::string CheckJson(std::string_view input) {
  if (auto broken = CheckText(input); !broken.empty()) return broken;
  if (auto broken = CheckRepair(input); !broken.empty()) return broken;
  const auto document = json::Document::Parse(std::string(input));
  if (!document.ok()) return document.error().message.empty() ? "an error without a message" : "";
  if (auto broken = CheckReadings(document->root()); !broken.empty()) return "two readings differ: " + broken;
  const std::string written = json::ToText(document->root());
  if (written.size() > 6 * input.size()) return "the text grew";
  const auto again = json::Document::Parse(written);
  if (!again.ok()) return "what was written cannot be read: " + again.error().message;
  if (!Same(document->root(), again->root())) return "what was written is read as something else";
  return json::ToText(again->root()) == written ? "" : "the second writing differs from the first";
}

}  // namespace gc::fuzz
