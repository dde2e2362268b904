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
  EXPECT_EQ(ModelListBody(ErrorShape::kOpenAi, pages),
            R"({"object":"list","data":[{"id":"chat","object":"model","created":0,"owned_by":"google"},)"
            R"({"id":"vectors","object":"model","created":0,"owned_by":"google"},)"
            R"({"id":"chat2","object":"model","created":0,"owned_by":"google"}]})");
  const std::string anthropic = ModelListBody(ErrorShape::kAnthropic, pages);
  EXPECT_EQ(anthropic.find("vectors"), std::string::npos);
  EXPECT_NE(anthropic.find(R"("has_more":false,"first_id":"chat","last_id":"chat2")"), std::string::npos) << anthropic;
}

TEST(ProtoModels, AnEmptyList) {
  EXPECT_EQ(ModelListBody(ErrorShape::kOpenAi, {}), R"({"object":"list","data":[]})");
  EXPECT_EQ(ModelListBody(ErrorShape::kAnthropic, {}),
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
  EXPECT_EQ(ModelListBody(ErrorShape::kOpenAi, pages, &aliases),
            R"({"object":"list","data":[{"id":"chat","object":"model","created":0,"owned_by":"google"},)"
            R"({"id":"vectors","object":"model","created":0,"owned_by":"google"},)"
            R"({"id":"claude-opus","object":"model","created":0,"owned_by":"google"},)"
            R"({"id":"embed","object":"model","created":0,"owned_by":"google"}]})");
  const std::string anthropic = ModelListBody(ErrorShape::kAnthropic, pages, &aliases);
  EXPECT_NE(anthropic.find(R"x("id":"claude-opus","display_name":"claude-opus (Chat)")x"), std::string::npos);
  EXPECT_NE(anthropic.find(R"("first_id":"chat","last_id":"claude-opus")"), std::string::npos) << anthropic;
  EXPECT_EQ(anthropic.find("embed"), std::string::npos);
  EXPECT_EQ(ModelBody(ErrorShape::kOpenAi, pages[0].root().Find("models")->Items()[0], "claude-opus-4-1"),
            R"({"id":"claude-opus-4-1","object":"model","created":0,"owned_by":"google"})");
}

}  // namespace
}  // namespace gc
