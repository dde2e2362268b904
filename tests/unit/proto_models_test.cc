// proto_models_test.cc: lists of models in both shapes; the golden vector has the plain case.
// SPDX-License-Identifier: MIT
#include "handler/proto_models.h"

#include <gtest/gtest.h>

namespace gc {
namespace {

std::vector<json::Document> Pages(const std::vector<std::string>& texts) {
  std::vector<json::Document> pages;
  for (const std::string& text : texts) pages.push_back(std::move(*json::Document::Parse(text)));
  return pages;
}

TEST(ProtoModels, ListsWhatTheClientCanCall) {
  const auto pages = Pages({R"({"models":[
      {"name":"models/chat","supportedGenerationMethods":["generateContent"]},
      {"name":"models/vectors","supportedGenerationMethods":["embedContent"]},
      {"name":"models/live","supportedGenerationMethods":["bidiGenerateContent"]},
      {"name":"models/none"},
      {"name":"models/../x","supportedGenerationMethods":["generateContent"]},
      {"supportedGenerationMethods":["generateContent"]}, 3]})",
                            "{}", "[]", R"({"models":[{"name":"models/chat2","supportedGenerationMethods":
      ["countTokens","generateContent"]}]})"});
  EXPECT_EQ(*ModelListBody(ErrorShape::kOpenAi, pages),
            R"({"object":"list","data":[{"id":"chat","object":"model","created":0,"owned_by":"google"},)"
            R"({"id":"vectors","object":"model","created":0,"owned_by":"google"},)"
            R"({"id":"chat2","object":"model","created":0,"owned_by":"google"}]})");
  const std::string anthropic = *ModelListBody(ErrorShape::kAnthropic, pages);
  EXPECT_EQ(anthropic.find("vectors"), std::string::npos);
  EXPECT_NE(anthropic.find(R"("has_more":false,"first_id":"chat","last_id":"chat2")"), std::string::npos) << anthropic;
}

TEST(ProtoModels, AnEmptyList) {
  EXPECT_EQ(*ModelListBody(ErrorShape::kOpenAi, {}), R"({"object":"list","data":[]})");
  EXPECT_EQ(*ModelListBody(ErrorShape::kAnthropic, {}),
            R"({"data":[],"has_more":false,"first_id":null,"last_id":null})");
}

TEST(ProtoModels, OneModel) {
  const auto model = json::Document::Parse(R"({"name":"models/m","displayName":"M","inputTokenLimit":7})");
  EXPECT_EQ(ModelBody(ErrorShape::kOpenAi, model->root(), "m"),
            R"({"id":"m","object":"model","created":0,"owned_by":"google"})");
  EXPECT_EQ(ModelBody(ErrorShape::kAnthropic, model->root(), "m"),
            R"({"type":"model","id":"m","display_name":"M","created_at":"1970-01-01T00:00:00Z","max_input_tokens":7,)"
            R"("max_tokens":null,"capabilities":null,"lifecycle":"active","line":null,"deprecated_at":null,)"
            R"("retires_at":null})");
}

TEST(ProtoModels, Aliases) {
  ConfigPatterns table;
  EXPECT_EQ(table.Set(1, "claude-*opus* chat", "test"), "");
  EXPECT_EQ(table.Set(2, "claude-* chat", "test"), "");        // no name without its star
  EXPECT_EQ(table.Set(3, "gone* no-such-model", "test"), "");  // Gemini does not list its target
  EXPECT_EQ(table.Set(4, "embed vectors", "test"), "");
  EXPECT_EQ(table.Set(5, "chat vectors", "test"), "");  // there is a model of that name
  const ModelAliases aliases(table);
  const auto pages = Pages({R"({"models":[
      {"name":"models/chat","displayName":"Chat","supportedGenerationMethods":["generateContent"]},
      {"name":"models/vectors","supportedGenerationMethods":["embedContent"]}]})"});
  EXPECT_EQ(*ModelListBody(ErrorShape::kOpenAi, pages, &aliases),
            R"({"object":"list","data":[{"id":"chat","object":"model","created":0,"owned_by":"google"},)"
            R"({"id":"vectors","object":"model","created":0,"owned_by":"google"},)"
            R"({"id":"claude-opus","object":"model","created":0,"owned_by":"google"},)"
            R"({"id":"embed","object":"model","created":0,"owned_by":"google"}]})");
  const std::string anthropic = *ModelListBody(ErrorShape::kAnthropic, pages, &aliases);
  EXPECT_NE(anthropic.find(R"x("id":"claude-opus","display_name":"claude-opus (Chat)")x"), std::string::npos);
  EXPECT_NE(anthropic.find(R"("first_id":"chat","last_id":"claude-opus")"), std::string::npos) << anthropic;
  EXPECT_EQ(anthropic.find("embed"), std::string::npos);
  EXPECT_EQ(ModelBody(ErrorShape::kOpenAi, pages[0].root().Find("models")->Items()[0], "claude-opus-4-1"),
            R"({"id":"claude-opus-4-1","object":"model","created":0,"owned_by":"google"})");
}

struct PageCase {
  const char* name;
  std::string query;
  std::string answer;  // ids, has_more, first_id and last_id; or the error's param
};

const PageCase kPages[] = {
    {"All", "", "a b c d e; false a e"},
    {"UnknownMembers", "beta=true&x", "a b c d e; false a e"},
    {"First", "limit=2", "a b; true a b"},
    {"After", "limit=2&after_id=b", "c d; true c d"},
    {"AfterToTheEnd", "after_id=c&limit=2", "d e; false d e"},
    {"AfterTheLast", "after_id=e", "; false null null"},
    {"Before", "limit=2&before_id=e", "c d; true c d"},
    {"BeforeToTheBegin", "limit=2&before_id=c", "a b; false a b"},
    {"BeforeTheFirst", "before_id=a", "; false null null"},
    {"Escaped", "after_id=%64", "e; false e e"},
    {"EmptyIds", "after_id=&before_id=&limit=1000", "a b c d e; false a e"},
    {"UnknownId", "after_id=x", "after_id"},
    {"UnknownIdBefore", "before_id=x", "before_id"},
    {"BothIds", "after_id=a&before_id=c", "before_id"},
    {"NoLimit", "limit=0", "limit"},
    {"LargeLimit", "limit=1001", "limit"},
    {"LimitIsText", "limit=2x", "limit"},
    {"LimitIsEmpty", "limit=", "limit"},
    {"LimitIsNegative", "limit=-1", "limit"},
};

class AnthropicPages : public testing::TestWithParam<PageCase> {};
TEST_P(AnthropicPages, Holds) {
  std::string models;
  for (const std::string id : {"a", "b", "c", "d", "e"}) {
    models += std::string(models.empty() ? "" : ",") + R"({"name":"models/)" + id +
              R"(","supportedGenerationMethods":["generateContent"]})";
  }
  const auto pages = Pages({R"({"models":[)" + models + "]}"});
  const auto answer = [&]() -> std::string {
    const auto page = ReadModelPage(ErrorShape::kAnthropic, GetParam().query);
    if (!page.ok()) return page.error().param;
    const auto body = ModelListBody(ErrorShape::kAnthropic, pages, nullptr, *page);
    if (!body.ok()) return body.error().param;
    const auto document = json::Document::Parse(std::string(*body));
    std::string ids;
    for (const json::Value& model : document->root().Find("data")->Items()) {
      ids += std::string(ids.empty() ? "" : " ") + std::string(model.StringOr("id", ""));
    }
    return ids + "; " + (document->root().BoolOr("has_more", false) ? "true " : "false ") +
           std::string(document->root().StringOr("first_id", "null")) + " " +
           std::string(document->root().StringOr("last_id", "null"));
  };
  EXPECT_EQ(answer(), GetParam().answer);
}
INSTANTIATE_TEST_SUITE_P(ProtoModels, AnthropicPages, testing::ValuesIn(kPages),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(ProtoModels, OpenAiHasNoPages) { EXPECT_EQ(ReadModelPage(ErrorShape::kOpenAi, "limit=0&after_id=x")->limit, 0U); }

}  // namespace
}  // namespace gc
