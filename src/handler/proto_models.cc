// proto_models.cc: the two shapes of a model and of a list of models.
// SPDX-License-Identifier: MIT
#include "handler/proto_models.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "handler/gemini.h"
#include "handler/http.h"
#include "handler/models.h"

namespace gc {
namespace {

using json::Value;

constexpr size_t kMaxLimit = 1000;  // Anthropic's

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

// Keeps what `page` asks for; *has_more: something lies beyond it, in its direction.
std::optional<ApiError> CutToPage(const ModelPage& page, std::vector<ListedModel>* listed, bool* has_more) {
  const auto find = [&](const std::string& id) {
    return std::find_if(listed->begin(), listed->end(), [&](const ListedModel& l) { return l.id == id; });
  };
  const bool backwards = !page.before_id.empty();
  const std::string& id = backwards ? page.before_id : page.after_id;
  if (!id.empty()) {
    const auto at = find(id);
    const char* param = backwards ? "before_id" : "after_id";
    if (at == listed->end()) {
      return ApiError{ApiErrorKind::kInvalidRequest, std::string(param) + ": there is no such model in the list", param,
                      0};
    }
    if (backwards) {
      listed->erase(at, listed->end());
    } else {
      listed->erase(listed->begin(), at + 1);
    }
  }
  *has_more = page.limit != 0 && listed->size() > page.limit;
  if (!*has_more) return std::nullopt;
  const auto beyond = static_cast<std::ptrdiff_t>(listed->size() - page.limit);
  listed->erase(backwards ? listed->begin() : listed->end() - beyond,
                backwards ? listed->begin() + beyond : listed->end());
  return std::nullopt;
}

}  // namespace

Result<ModelPage, ApiError> ReadModelPage(ErrorShape shape, std::string_view query) {
  ModelPage page;
  if (shape != ErrorShape::kAnthropic) return page;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    const std::string value = PercentDecode(pair.substr(std::min(equals + 1, pair.size()))).value_or("");
    if (name == "before_id") page.before_id = value;
    if (name == "after_id") page.after_id = value;
    if (name != "limit") continue;
    const char* end = value.data() + value.size();
    const auto [rest, error] = std::from_chars(value.data(), end, page.limit);
    if (error != std::errc() || rest != end || page.limit < 1 || page.limit > kMaxLimit) {
      return ApiError{ApiErrorKind::kInvalidRequest, "limit: must be from 1 to 1000", "limit", 0};
    }
  }
  if (!page.before_id.empty() && !page.after_id.empty()) {
    return ApiError{ApiErrorKind::kInvalidRequest, "before_id: cannot stand beside after_id", "before_id", 0};
  }
  return page;
}

Result<std::string, ApiError> ModelListBody(ErrorShape shape, const std::vector<json::Document>& pages,
                                            const ModelAliases* aliases, const ModelPage& page) {
  std::vector<ListedModel> listed = Listed(shape, pages, aliases);
  bool has_more = false;
  if (auto error = CutToPage(page, &listed, &has_more)) return std::move(*error);
  std::string body;
  json::Writer w(&body);
  w.BeginObject();
  if (shape != ErrorShape::kAnthropic) w.Key("object").String("list");
  w.Key("data").BeginArray();
  for (const ListedModel& listed_model : listed) WriteModel(&w, shape, *listed_model.model, listed_model.id);
  w.EndArray();
  if (shape == ErrorShape::kAnthropic) {
    w.Key("has_more").Bool(has_more);
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
