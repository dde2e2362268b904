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
void WriteOpenAi(json::Writer* w, std::string_view id) {
  w->BeginObject().Key("id").String(id).Key("object").String("model");
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

void WriteAnthropic(json::Writer* w, const Value& model, std::string_view id) {
  w->BeginObject().Key("type").String("model").Key("id").String(id);
  std::string name(model.StringOr("displayName", IdOf(model)));
  if (id != IdOf(model)) name = std::string(id) + " (" + name + ")";
  w->Key("display_name").String(name);
  w->Key("created_at").String("1970-01-01T00:00:00Z");
  WriteLimit(&w->Key("max_input_tokens"), model, "inputTokenLimit");
  WriteLimit(&w->Key("max_tokens"), model, "outputTokenLimit");
  w->Key("capabilities").Null().Key("lifecycle").String("active").Key("line").Null();
  w->Key("deprecated_at").Null().Key("retires_at").Null().EndObject();
}

void WriteModel(json::Writer* w, ErrorShape shape, const Value& model, std::string_view id) {
  if (shape == ErrorShape::kAnthropic) {
    WriteAnthropic(w, model, id);
  } else {
    WriteOpenAi(w, id);
  }
}

struct ListedModel {
  std::string id;  // the model's own, or an alias of it
  const Value* model;
};

void WriteId(json::Writer* w, const ListedModel* model) {
  if (model == nullptr) {
    w->Null();
  } else {
    w->String(model->id);
  }
}

std::vector<ListedModel> Listed(ErrorShape shape, const std::vector<json::Document>& pages,
                                const ModelAliases* aliases) {
  std::vector<ListedModel> listed;
  for (const json::Document& page : pages) {
    const Value* models = page.root().Find("models");
    if (models == nullptr) continue;
    for (const Value& model : models->Items()) {
      if (IsListed(shape, model)) listed.push_back({std::string(IdOf(model)), &model});
    }
  }
  if (aliases == nullptr) return listed;
  for (const auto& [name, target] : aliases->Listed()) {
    const auto find = [&](std::string_view id) {
      return std::find_if(listed.begin(), listed.end(), [&](const ListedModel& l) { return l.id == id; });
    };
    const auto found = find(target);
    if (found != listed.end() && find(name) == listed.end()) listed.push_back({name, found->model});
  }
  return listed;
}

}  // namespace

std::string ModelListBody(ErrorShape shape, const std::vector<json::Document>& pages, const ModelAliases* aliases) {
  const std::vector<ListedModel> listed = Listed(shape, pages, aliases);
  std::string body;
  json::Writer w(&body);
  w.BeginObject();
  if (shape != ErrorShape::kAnthropic) w.Key("object").String("list");
  w.Key("data").BeginArray();
  for (const ListedModel& listed_model : listed) WriteModel(&w, shape, *listed_model.model, listed_model.id);
  w.EndArray();
  if (shape == ErrorShape::kAnthropic) {
    w.Key("has_more").Bool(false);
    WriteId(&w.Key("first_id"), listed.empty() ? nullptr : &listed.front());
    WriteId(&w.Key("last_id"), listed.empty() ? nullptr : &listed.back());
  }
  w.EndObject();
  return body;
}

std::string ModelBody(ErrorShape shape, const json::Value& model, std::string_view id) {
  std::string body;
  json::Writer w(&body);
  WriteModel(&w, shape, model, id);
  return body;
}

}  // namespace gc
