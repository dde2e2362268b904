// proto_models.cc: the two shapes of a model and of a list of models.
// SPDX-License-Identifier: MIT
#include "handler/proto_models.h"

#include <algorithm>

#include "handler/gemini.h"
#include "handler/models.h"

namespace gc {
namespace {

using json::Value;

std::string_view IdOf(const Value& model) { return StripModelPrefix(model.StringOr("name", "")); }

bool Supports(const Value& model, std::string_view method) {
  const Value* methods = model.Find("supportedGenerationMethods");
  if (methods == nullptr) return false;
  const auto items = methods->Items();
  return std::any_of(items.begin(), items.end(), [&](const Value& item) { return item.Text() == method; });
}

bool IsListed(ErrorShape shape, const Value& model) {
  if (!gemini::IsModelName(IdOf(model))) return false;
  return Supports(model, "generateContent") || (shape != ErrorShape::kAnthropic && Supports(model, "embedContent"));
}

// Google does not say when a model was made. OpenAI's type wants a number; Anthropic's documents the epoch for unknown.
void WriteOpenAi(json::Writer* w, const Value& model) {
  w->BeginObject().Key("id").String(IdOf(model)).Key("object").String("model");
  w->Key("created").Int(0).Key("owned_by").String("google").EndObject();
}

void WriteLimit(json::Writer* w, const Value& model, std::string_view name) {
  const int64_t tokens = model.IntOr(name, 0);
  if (tokens > 0) {
    w->Int(tokens);
  } else {
    w->Null();
  }
}

void WriteAnthropic(json::Writer* w, const Value& model) {
  w->BeginObject().Key("type").String("model").Key("id").String(IdOf(model));
  w->Key("display_name").String(model.StringOr("displayName", IdOf(model)));
  w->Key("created_at").String("1970-01-01T00:00:00Z");
  WriteLimit(&w->Key("max_input_tokens"), model, "inputTokenLimit");
  WriteLimit(&w->Key("max_tokens"), model, "outputTokenLimit");
  w->Key("capabilities").Null().Key("lifecycle").String("active").Key("line").Null();
  w->Key("deprecated_at").Null().Key("retires_at").Null().EndObject();
}

void WriteModel(json::Writer* w, ErrorShape shape, const Value& model) {
  if (shape == ErrorShape::kAnthropic) {
    WriteAnthropic(w, model);
  } else {
    WriteOpenAi(w, model);
  }
}

void WriteId(json::Writer* w, const Value* model) {
  if (model == nullptr) {
    w->Null();
  } else {
    w->String(IdOf(*model));
  }
}

}  // namespace

std::string ModelListBody(ErrorShape shape, const std::vector<json::Document>& pages) {
  std::vector<const Value*> listed;
  for (const json::Document& page : pages) {
    const Value* models = page.root().Find("models");
    if (models == nullptr) continue;
    for (const Value& model : models->Items()) {
      if (IsListed(shape, model)) listed.push_back(&model);
    }
  }
  std::string body;
  json::Writer w(&body);
  w.BeginObject();
  if (shape != ErrorShape::kAnthropic) w.Key("object").String("list");
  w.Key("data").BeginArray();
  for (const Value* model : listed) WriteModel(&w, shape, *model);
  w.EndArray();
  if (shape == ErrorShape::kAnthropic) {
    w.Key("has_more").Bool(false);
    WriteId(&w.Key("first_id"), listed.empty() ? nullptr : listed.front());
    WriteId(&w.Key("last_id"), listed.empty() ? nullptr : listed.back());
  }
  w.EndObject();
  return body;
}

std::string ModelBody(ErrorShape shape, const json::Value& model) {
  std::string body;
  json::Writer w(&body);
  WriteModel(&w, shape, model);
  return body;
}

}  // namespace gc
