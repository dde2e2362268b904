// fake_gemini_answer.cc: plans an answer once, writes its frames one by one.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_answer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "support/fake_gemini_fields.h"
#include "support/fake_gemini_rules.h"
#include "support/fake_gemini_schema.h"

namespace gc::test::fake {
namespace {

constexpr int64_t kThoughtTokens = 12;
constexpr int64_t kMediaBytes = int64_t{258} * 4;  // an image counts 258 tokens
constexpr int64_t kDefaultPieces = 3;
constexpr int64_t kDefaultDimensions = 3072;
constexpr std::string_view kEmptyFinishes[] = {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS",
                                               "MALFORMED_RESPONSE", "NO_IMAGE"};

int64_t Tokens(int64_t bytes) { return bytes / 4 + 1; }

uint64_t Hash(std::string_view text) {
  uint64_t h = 1469598103934665603ULL;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return h;
}

int64_t ContentBytes(const json::Value& content) {
  int64_t bytes = 0;
  for (const json::Value* part : List(content, "parts")) {
    if (Get(*part, "inlineData") != nullptr || Get(*part, "fileData") != nullptr) bytes += kMediaBytes;
    bytes += static_cast<int64_t>(GetText(*part, "text").size());
    for (const std::string_view f : {"functionCall", "functionResponse"}) {
      if (const json::Value* v = Get(*part, f)) bytes += static_cast<int64_t>(json::ToText(*v).size());
    }
  }
  return bytes;
}

int64_t PromptTokens(const json::Value& root) {
  int64_t bytes = 0;
  for (const json::Value* content : List(root, "contents")) bytes += ContentBytes(*content);
  if (const json::Value* system = Get(root, "systemInstruction")) bytes += ContentBytes(*system);
  if (const json::Value* tools = Get(root, "tools")) bytes += static_cast<int64_t>(json::ToText(*tools).size());
  return Tokens(bytes);
}

void WriteTextDetails(json::Writer* w, std::string_view name, int64_t tokens) {
  w->Key(name).BeginArray().BeginObject().Key("modality").String("TEXT");
  w->Key("tokenCount").Int(tokens).EndObject().EndArray();
}

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// `name` in the prompt as a word of its own.
bool Mentions(std::string_view prompt, std::string_view name) {
  for (size_t at = prompt.find(name); at != std::string_view::npos; at = prompt.find(name, at + 1)) {
    const size_t end = at + name.size();
    if ((at == 0 || !IsNameCharacter(prompt[at - 1])) && (end == prompt.size() || !IsNameCharacter(prompt[end]))) {
      return true;
    }
  }
  return false;
}

std::string ToolResults(const json::Value& content) {
  std::string out;
  for (const json::Value* part : List(content, "parts")) {
    const json::Value* response = Get(*part, "functionResponse");
    const json::Value* result = response == nullptr ? nullptr : Get(*response, "response");
    if (result == nullptr) continue;
    out += out.empty() ? "tools said: " : "; ";
    out += std::string(GetText(*response, "name")) + "=" + json::ToText(*result);
  }
  return out;
}

}  // namespace

std::string LastUserText(const json::Value& root) {
  const auto contents = List(root, "contents");
  if (contents.empty()) return {};
  std::string out;
  for (const json::Value* part : List(*contents.back(), "parts")) {
    const std::string_view text = GetText(*part, "text");
    if (!text.empty()) out += (out.empty() ? "" : "\n") + std::string(text);
  }
  return out.empty() ? ToolResults(*contents.back()) : out;
}

Answer::Answer(const Model& model, const json::Value& root, const Script& script)
    : model_(model), root_(root), script_(script), prompt_(WithoutDirectives(LastUserText(root))) {
  prompt_tokens_ = PromptTokens(root);
  if (const json::Value* config = Get(root, "generationConfig")) {
    candidates_ = GetInt(*config, "candidateCount", 1);
    logprobs_ = GetBool(*config, "responseLogprobs");
    const json::Value* thinking = Get(*config, "thinkingConfig");
    thinks_ = thinking != nullptr && GetBool(*thinking, "includeThoughts");
  }
  for (const json::Value* tool : List(root, "tools")) searches_ |= Get(*tool, "googleSearch") != nullptr;
  thinks_ |= script.thoughts;
  if (!script.finish.empty()) finish_ = script.finish;
  const bool no_content =
      script.empty || !script.block.empty() ||
      std::find(std::begin(kEmptyFinishes), std::end(kEmptyFinishes), finish_) != std::end(kEmptyFinishes);
  if (no_content) {
    thinks_ = false;
    return;
  }
  PlanCalls();
  if (calls_.empty()) PlanText();
}

void Answer::AddCall(const json::Value& function) {
  const json::Value* schema = Get(function, "parametersJsonSchema");
  if (schema == nullptr) schema = Get(function, "parameters");
  Call call;
  call.name = GetText(function, "name");
  call.args = schema == nullptr ? "{}" : SampleValue(*schema, prompt_);
  // Distinct over the steps of a conversation, the same whenever it is repeated.
  const std::string seed = prompt_ + std::to_string(List(root_, "contents").size()) + std::to_string(calls_.size());
  char id[20];
  std::snprintf(id, sizeof id, "%08x", static_cast<unsigned>(Hash(seed) & 0xFFFFFFFFU));
  call.id = id;
  output_bytes_ += static_cast<int64_t>(call.name.size() + call.args.size());
  calls_.push_back(std::move(call));
}

void Answer::PlanCalls() {
  const json::Value& last = *List(root_, "contents").back();
  if (!HasOrdinaryPart(last) || !ToolResults(last).empty()) return;
  std::string_view mode;
  std::vector<std::string_view> allowed;
  if (const json::Value* config = Get(root_, "toolConfig")) {
    if (const json::Value* calling = Get(*config, "functionCallingConfig")) {
      mode = GetText(*calling, "mode");
      for (const json::Value* name : List(*calling, "allowedFunctionNames")) allowed.push_back(name->Text());
    }
  }
  if (mode == "NONE") return;
  const json::Value* fallback = nullptr;
  for (const json::Value* tool : List(root_, "tools")) {
    for (const json::Value* function : List(*tool, "functionDeclarations")) {
      const std::string_view name = GetText(*function, "name");
      if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), name) == allowed.end()) continue;
      if (fallback == nullptr) fallback = function;
      if (!Mentions(prompt_, name)) continue;
      for (int64_t i = 0; i < script_.calls; ++i) AddCall(*function);
    }
  }
  for (int64_t i = 0; mode == "ANY" && calls_.empty() && fallback != nullptr && i < script_.calls; ++i) {
    AddCall(*fallback);
  }
  if (!calls_.empty()) pieces_ = static_cast<int64_t>(calls_.size());
}

std::string Answer::JsonText(const json::Value& config) const {
  const json::Value* schema = Get(config, "responseJsonSchema");
  if (schema == nullptr) schema = Get(config, "responseSchema");
  if (schema == nullptr) {
    std::string out;
    json::Writer(&out).BeginObject().Key("echo").String(prompt_).EndObject();
    return out;
  }
  const std::string value = SampleValue(*schema, prompt_);
  const bool bare = GetText(config, "responseMimeType") == "text/x.enum" && value.size() >= 2;
  return bare ? value.substr(1, value.size() - 2) : value;
}

void Answer::ApplyLimits(const json::Value& config) {
  for (const json::Value* stop : List(config, "stopSequences")) {
    const size_t at = stop->Text().empty() ? std::string::npos : text_.find(stop->Text());
    if (at != std::string::npos) text_.resize(at);
  }
  const int64_t max_tokens = GetInt(config, "maxOutputTokens", 0);
  if (max_tokens <= 0 || Tokens(static_cast<int64_t>(text_.size())) <= max_tokens) return;
  text_ = std::string(Utf8Prefix(text_, static_cast<size_t>(max_tokens) * 4 - 1));
  if (script_.finish.empty()) finish_ = "MAX_TOKENS";
}

void Answer::PlanText() {
  const json::Value* config = Get(root_, "generationConfig");
  const std::string_view mime = config == nullptr ? std::string_view() : GetText(*config, "responseMimeType");
  const std::string results = ToolResults(*List(root_, "contents").back());
  if (!results.empty()) {
    text_ = results;
  } else if (!mime.empty() && mime != "text/plain") {
    text_ = JsonText(*config);
  } else {
    text_ = "echo: " + prompt_;
  }
  if (config != nullptr) ApplyLimits(*config);
  const auto size = static_cast<int64_t>(text_.size());
  pieces_ = script_.chunks > 0 ? script_.chunks : std::clamp<int64_t>(size, 1, kDefaultPieces);
  output_bytes_ = script_.big_bytes > 0 ? script_.big_bytes : size;
  if (script_.big_bytes == 0 && script_.chunks > 0) {
    for (int64_t k = 2; k <= pieces_; ++k) output_bytes_ += static_cast<int64_t>(Piece(k).size());
  }
}

// chunks=N: the text, then " #2", " #3"…; big=BYTES: as many letters x; else the text in equal parts.
std::string Answer::Piece(int64_t k) const {
  if (script_.big_bytes > 0) {
    const int64_t begin = script_.big_bytes * (k - 1) / pieces_;
    return std::string(static_cast<size_t>(script_.big_bytes * k / pieces_ - begin), 'x');
  }
  if (script_.chunks > 0) return k == 1 ? text_ : " #" + std::to_string(k);
  const auto size = static_cast<int64_t>(text_.size());
  const size_t begin = Utf8Prefix(text_, static_cast<size_t>(size * (k - 1) / pieces_)).size();
  const size_t end = Utf8Prefix(text_, static_cast<size_t>(size * k / pieces_)).size();
  return text_.substr(begin, end - begin);
}

void Answer::WriteParts(json::Writer* w, int64_t first, int64_t last) const {
  const bool does_sign = model_.generation >= 30;
  std::string text;
  for (int64_t k = first; k <= last; ++k) {
    if (calls_.empty()) {
      text += Piece(k);
      continue;
    }
    const Call& call = calls_[static_cast<size_t>(k - 1)];
    w->BeginObject().Key("functionCall").BeginObject();
    if (does_sign) w->Key("id").String(call.id);
    w->Key("name").String(call.name).Key("args").Raw(call.args).EndObject();
    if (does_sign && k == 1) w->Key("thoughtSignature").String(MakeSignature(call.name));
    w->EndObject();
  }
  if (!calls_.empty()) return;
  w->BeginObject().Key("text").String(text);
  if (does_sign && last == pieces_) w->Key("thoughtSignature").String(MakeSignature("text"));
  w->EndObject();
}

void Answer::WriteLogprobs(json::Writer* w, std::string_view token) const {
  const auto candidate = [&] {
    w->BeginObject().Key("token").String(token).Key("tokenId").Int(7).Key("logProbability").Double(-0.25).EndObject();
  };
  w->Key("avgLogprobs").Double(-0.25).Key("logprobsResult").BeginObject().Key("topCandidates").BeginArray();
  w->BeginObject().Key("candidates").BeginArray();
  candidate();
  w->EndArray().EndObject().EndArray().Key("chosenCandidates").BeginArray();
  candidate();
  w->EndArray().EndObject();
}

// With the last piece, about all the text that is not computed piece by piece; offsets are bytes, and a zero is absent.
void Answer::WriteGrounding(json::Writer* w) const {
  w->Key("groundingMetadata").BeginObject().Key("webSearchQueries").BeginArray().String(prompt_).EndArray();
  w->Key("groundingChunks").BeginArray().BeginObject().Key("web").BeginObject();
  w->Key("uri")
      .String("https://example.org/found")
      .Key("title")
      .String("example.org")
      .EndObject()
      .EndObject()
      .EndArray();
  w->Key("groundingSupports").BeginArray().BeginObject().Key("segment").BeginObject();
  w->Key("endIndex").Int(static_cast<int64_t>(text_.size())).Key("text").String(text_).EndObject();
  w->Key("groundingChunkIndices").BeginArray().Int(0).EndArray().EndObject().EndArray().EndObject();
}

void Answer::WriteCandidates(json::Writer* w, bool thought, int64_t first, int64_t last) const {
  const bool has_parts = thought || output_bytes_ > 0;
  w->Key("candidates").BeginArray();
  for (int64_t c = 0; c < candidates_; ++c) {
    w->BeginObject().Key("content").BeginObject();
    if (has_parts) w->Key("parts").BeginArray();
    if (thought) w->BeginObject().Key("text").String("Thinking about it.").Key("thought").Bool(true).EndObject();
    if (output_bytes_ > 0 && first <= last) WriteParts(w, first, last);
    if (has_parts) w->EndArray().Key("role").String("model");
    w->EndObject();
    if (last == pieces_ && !script_.eof_without_finish) w->Key("finishReason").String(finish_);
    w->Key("index").Int(c);
    if (searches_ && calls_.empty() && last == pieces_) WriteGrounding(w);
    if (logprobs_ && calls_.empty() && first <= last) WriteLogprobs(w, Piece(first));
    w->EndObject();
  }
  w->EndArray();
}

// Running totals: those of a stream grow with its pieces, and the last frame's are the true ones.
void Answer::WriteUsage(json::Writer* w, int64_t piece) const {
  const bool has_output = output_bytes_ > 0 && piece > 0;
  const int64_t output = has_output ? std::max<int64_t>(1, Tokens(output_bytes_) * piece / pieces_) * candidates_ : 0;
  const int64_t thoughts = thinks_ ? kThoughtTokens : 0;
  w->Key("usageMetadata").BeginObject().Key("promptTokenCount").Int(prompt_tokens_);
  if (script_.cached > 0) w->Key("cachedContentTokenCount").Int(script_.cached);
  if (has_output) w->Key("candidatesTokenCount").Int(output);
  w->Key("totalTokenCount").Int(prompt_tokens_ + output + thoughts);
  WriteTextDetails(w, "promptTokensDetails", prompt_tokens_);
  if (thinks_) w->Key("thoughtsTokenCount").Int(thoughts);
  if (!GetText(root_, "serviceTier").empty()) w->Key("serviceTier").String(GetText(root_, "serviceTier"));
  w->EndObject();
}

std::string Answer::Response(bool thought, int64_t first, int64_t last) const {
  std::string out;
  json::Writer w(&out);
  w.BeginObject();
  if (script_.block.empty()) {
    WriteCandidates(&w, thought, first, last);
  } else {
    w.Key("promptFeedback").BeginObject().Key("blockReason").String(script_.block).EndObject();
  }
  if (!script_.no_usage) WriteUsage(&w, last);
  w.Key("modelVersion").String(model_.id);
  char id[20];
  std::snprintf(id, sizeof id, "%016llx", static_cast<unsigned long long>(Hash(prompt_)));
  w.Key("responseId").String(id).EndObject();
  return out;
}

std::string Answer::Frame(int64_t k) const {
  if (thinks_ && k == 1) return Response(true, 1, 0);
  const int64_t piece = k - (thinks_ ? 1 : 0);
  return Response(false, piece, piece);
}

std::string Answer::Unary() const { return Response(thinks_, 1, pieces_); }

std::string CountTokensAnswer(const json::Value& root) {
  const json::Value* wrapped = Get(root, "generateContentRequest");
  const int64_t tokens = PromptTokens(wrapped == nullptr ? root : *wrapped);
  std::string out;
  json::Writer w(&out);
  w.BeginObject().Key("totalTokens").Int(tokens);
  WriteTextDetails(&w, "promptTokensDetails", tokens);
  w.EndObject();
  return out;
}

namespace {

// As Google's: unit length at 3072 dimensions only, so that who forgets to normalise is caught.
void WriteValues(const json::Value& request, json::Writer* w) {
  const int64_t dimensions = GetInt(request, "outputDimensionality", kDefaultDimensions);
  std::string text;
  for (const json::Value* part : List(*Get(request, "content"), "parts")) text += GetText(*part, "text");
  const uint64_t seed = Hash(text);
  const double length = dimensions == kDefaultDimensions ? std::sqrt(static_cast<double>(dimensions)) : 2.0;
  w->BeginObject().Key("values").BeginArray();
  for (int64_t i = 0; i < dimensions; ++i) {
    const bool negative = ((seed >> (i % 64)) & 1U) != 0;
    w->Double((negative ? -1.0 : 1.0) / length);
  }
  w->EndArray().EndObject();
}

}  // namespace

std::string EmbedAnswer(const json::Value& root) {
  std::string out;
  json::Writer w(&out);
  w.BeginObject().Key("embedding");
  WriteValues(root, &w);
  w.EndObject();
  return out;
}

std::string BatchEmbedAnswer(const json::Value& root) {
  std::string out;
  json::Writer w(&out);
  w.BeginObject().Key("embeddings").BeginArray();
  for (const json::Value* request : List(root, "requests")) WriteValues(*request, &w);
  w.EndArray().EndObject();
  return out;
}

}  // namespace gc::test::fake
