// fake_gemini_rules.cc: contents, turns and signatures; each function gives the first failure in Google's words.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_rules.h"

#include <algorithm>
#include <set>
#include <vector>

#include "support/fake_gemini_fields.h"
#include "support/fake_gemini_options.h"

namespace gc::test::fake {
namespace {

using Failed = std::optional<Failure>;
using Values = std::vector<const json::Value*>;

constexpr std::string_view kPrefix = "* GenerateContentRequest.";
constexpr std::string_view kCallAfterUser =
    "Please ensure that function call turn comes immediately after a user turn or after a function response turn.";
constexpr std::string_view kResponseAfterCall =
    "Please ensure that function response turn comes immediately after a function call turn.";
constexpr std::string_view kEqualNumbers =
    "Please ensure that the number of function response parts is equal to the number of function call parts of the "
    "function call turn.";
constexpr std::string_view kDummySignatures[] = {"skip_thought_signature_validator",
                                                 "context_engineering_is_the_way_to_go"};
constexpr std::string_view kSignatureMark = "fake:";
constexpr std::string_view kDataFields[] = {
    "text",           "inlineData",          "fileData", "functionCall", "functionResponse",
    "executableCode", "codeExecutionResult", "toolCall", "toolResponse"};
constexpr size_t kMaxBatch = 100;

std::string Index(std::string_view name, size_t i) { return std::string(name) + "[" + std::to_string(i) + "]"; }

Failure Line(const std::string& field, std::string_view problem) {
  return InvalidArgument(std::string(kPrefix) + field + ": " + std::string(problem) + "\n");
}

Values PartsWith(const json::Value& content, std::string_view field) {
  Values out;
  for (const json::Value* part : List(content, "parts")) {
    if (const json::Value* found = Get(*part, field)) out.push_back(found);
  }
  return out;
}

bool IsModel(const json::Value& content) { return GetText(content, "role") == "model"; }

// ---- contents ----

Failed CheckInlineData(const json::Value& blob, const std::string& at) {
  const std::string_view mime = GetText(blob, "mimeType");
  if (mime.empty()) return Line(at + ".inline_data.mime_type", "must be specified");
  if (mime == "image/gif") return InvalidArgument("Unsupported MIME type: image/gif");
  if (GetText(blob, "data").empty()) return Line(at + ".inline_data.data", "must not be empty");
  return std::nullopt;
}

Failed CheckFileData(const json::Value& file) {
  const std::string_view uri = GetText(file, "fileUri");
  const bool known = uri.starts_with("https://") || uri.starts_with("files/");
  return known ? Failed() : InvalidArgument("Invalid or unsupported file uri: " + std::string(uri));
}

Failed CheckPart(const json::Value& part, const std::string& at) {
  const bool has_data = std::any_of(std::begin(kDataFields), std::end(kDataFields),
                                    [&](std::string_view f) { return Get(part, f) != nullptr; });
  const json::Value* text = Get(part, "text");
  const bool is_signed = Get(part, "thoughtSignature") != nullptr;
  if (!has_data || (text != nullptr && text->Text().empty() && !is_signed)) {
    return Line(at + ".data", "required oneof field 'data' must have one initialized field");
  }
  if (const json::Value* blob = Get(part, "inlineData")) return CheckInlineData(*blob, at);
  if (const json::Value* file = Get(part, "fileData")) return CheckFileData(*file);
  if (const json::Value* call = Get(part, "functionCall"); call != nullptr && GetText(*call, "name").empty()) {
    return Line(at + ".function_call.name", "Name cannot be empty.");
  }
  if (const json::Value* response = Get(part, "functionResponse")) {
    if (GetText(*response, "name").empty()) return Line(at + ".function_response.name", "Name cannot be empty.");
    if (Get(*response, "response") == nullptr) return Line(at + ".function_response.response", "must be specified");
    if (is_signed) return InvalidArgument("Thought signature is not allowed in a functionResponse part.");
  }
  return std::nullopt;
}

Failed CheckContent(const json::Value& content, const std::string& at) {
  const std::string_view role = GetText(content, "role");
  if (!role.empty() && role != "user" && role != "model") {
    return InvalidArgument("Please use a valid role: user, model.");
  }
  const Values parts = List(content, "parts");
  if (parts.empty()) return Line(at + ".parts", "contents.parts must not be empty.");
  for (size_t i = 0; i < parts.size(); ++i) {
    if (Failed f = CheckPart(*parts[i], at + "." + Index("parts", i))) return f;
  }
  return std::nullopt;
}

Failed CheckContents(const Values& contents) {
  if (contents.empty()) return Line("contents", "contents is not specified");
  for (size_t i = 0; i < contents.size(); ++i) {
    if (Failed f = CheckContent(*contents[i], Index("contents", i))) return f;
  }
  return std::nullopt;
}

// ---- turns ----

// The responses of `content` against the calls of the turn before.
Failed CheckResponses(const Values& calls, const Values& responses) {
  if (calls.empty() && !responses.empty()) return InvalidArgument(std::string(kResponseAfterCall));
  if (calls.size() != responses.size()) return InvalidArgument(std::string(kEqualNumbers));
  std::multiset<std::string_view> ids;
  for (const json::Value* call : calls) ids.insert(GetText(*call, "id"));
  for (const json::Value* response : responses) {
    const auto it = ids.find(GetText(*response, "id"));
    if (it == ids.end()) return InvalidArgument("The id of a function response matches no function call of its turn.");
    ids.erase(it);
  }
  return std::nullopt;
}

Failed CheckTurns(const Values& contents) {
  Values open_calls;  // of the content before
  for (size_t i = 0; i < contents.size(); ++i) {
    const Values calls = PartsWith(*contents[i], "functionCall");
    if (!calls.empty()) {
      const bool follows_user = i > 0 && !IsModel(*contents[i - 1]);
      if (!IsModel(*contents[i]) || !follows_user) return InvalidArgument(std::string(kCallAfterUser));
    }
    if (Failed f = CheckResponses(open_calls, PartsWith(*contents[i], "functionResponse"))) return f;
    open_calls = calls;
  }
  if (IsModel(*contents.back())) {
    return InvalidArgument("Please ensure that the conversation ends with a user turn or a function response turn.");
  }
  return std::nullopt;
}

// ---- signatures ----

Failed CheckSignature(const json::Value& part, std::string_view owner) {
  const std::string_view text = GetText(part, "thoughtSignature");
  if (std::find(std::begin(kDummySignatures), std::end(kDummySignatures), text) != std::end(kDummySignatures)) {
    return std::nullopt;
  }
  std::string bytes;
  if (!DecodeBase64(text, &bytes) || bytes.empty() || bytes[0] != 0x12) {
    return InvalidArgument("Corrupted thought signature.");
  }
  const size_t mark = bytes.find(kSignatureMark);
  if (mark != std::string::npos && bytes.substr(mark + kSignatureMark.size()) != owner) {
    return InvalidArgument("Thought signature is not valid for this part.");
  }
  return std::nullopt;
}

// Every signature must be whole; within the current turn the first call of each step must have one.
Failed CheckSignatures(const Values& contents) {
  size_t turn = 0;
  for (size_t i = 0; i < contents.size(); ++i) {
    if (!IsModel(*contents[i]) && HasOrdinaryPart(*contents[i])) turn = i;
  }
  for (size_t i = 0; i < contents.size(); ++i) {
    bool first_call = true;
    for (const json::Value* part : List(*contents[i], "parts")) {
      const json::Value* call = Get(*part, "functionCall");
      const std::string_view owner = call == nullptr ? "text" : GetText(*call, "name");
      if (Get(*part, "thoughtSignature") != nullptr) {
        if (Failed f = CheckSignature(*part, owner)) return f;
      } else if (call != nullptr && first_call && i > turn) {
        return InvalidArgument(
            "Function call is missing a thought_signature in functionCall parts. This is required for tools to work "
            "correctly, and missing thought_signature may lead to degraded model performance. Additional data, "
            "function call `default_api:" +
            std::string(owner) + "`, position " + std::to_string(i + 1) + ".");
      }
      first_call &= call == nullptr;
    }
  }
  return std::nullopt;
}

Failed CheckSystem(const Model& model, const json::Value& root) {
  const json::Value* system = Get(root, "systemInstruction");
  if (system == nullptr) return std::nullopt;
  if (model.is_gemma()) {
    return InvalidArgument("Developer instruction is not enabled for models/" + std::string(model.id));
  }
  const Values parts = List(*system, "parts");
  if (parts.empty()) return Line("system_instruction.parts", "contents.parts must not be empty.");
  for (size_t i = 0; i < parts.size(); ++i) {
    if (Failed f = CheckPart(*parts[i], "system_instruction." + Index("parts", i))) return f;
    if (Get(*parts[i], "text") == nullptr) return InvalidArgument("system_instruction supports text parts only.");
  }
  return std::nullopt;
}

Failed CheckCache(const json::Value& root) {
  if (GetText(root, "cachedContent").empty()) return std::nullopt;
  if (Get(root, "systemInstruction") || Get(root, "tools") || Get(root, "toolConfig")) {
    return InvalidArgument(
        "CachedContent can not be used with GenerateContent request setting system_instruction, tools or "
        "tool_config.");
  }
  return Failure{403, "PERMISSION_DENIED", "CachedContent not found (or permission denied)", {}};
}

Failed CheckModelField(const Model& model, const json::Value& root) {
  const std::string_view name = GetText(root, "model");
  if (name.empty() || name == "models/" + std::string(model.id)) return std::nullopt;
  return InvalidArgument("The model of the body (" + std::string(name) + ") is not that of the path.");
}

}  // namespace

bool HasOrdinaryPart(const json::Value& content) {
  const Values parts = List(content, "parts");
  return std::any_of(parts.begin(), parts.end(), [](const json::Value* p) { return !Get(*p, "functionResponse"); });
}

std::string MakeSignature(std::string_view owner) {
  std::string bytes = "\x12";
  const std::string body = std::string(kSignatureMark) + std::string(owner);
  bytes += static_cast<char>(body.size() & 0x7FU);
  return EncodeBase64(bytes + body);
}

std::optional<Failure> CheckRequest(const Model& model, const json::Value& root) {
  const Values contents = List(root, "contents");
  if (Failed f = CheckModelField(model, root)) return f;
  if (Failed f = CheckContents(contents)) return f;
  if (Failed f = CheckSystem(model, root)) return f;
  if (Failed f = CheckToolsAndConfig(model, root)) return f;
  if (Failed f = CheckTurns(contents)) return f;
  if (model.generation >= 30) {
    if (Failed f = CheckSignatures(contents)) return f;
  }
  return CheckCache(root);
}

std::optional<Failure> CheckCountTokens(const Model& model, const json::Value& root) {
  const json::Value* wrapped = Get(root, "generateContentRequest");
  if ((wrapped != nullptr) == (Get(root, "contents") != nullptr)) {
    return InvalidArgument("Exactly one of contents and generate_content_request must be set.");
  }
  if (wrapped == nullptr) return CheckContents(List(root, "contents"));
  if (GetText(*wrapped, "model").empty()) return InvalidArgument("generate_content_request.model must be set.");
  return CheckRequest(model, *wrapped);
}

std::optional<Failure> CheckEmbed(const Model& model, const json::Value& root) {
  if (Failed f = CheckModelField(model, root)) return f;
  const json::Value* content = Get(root, "content");
  if (content == nullptr) return InvalidArgument("* EmbedContentRequest.content: content is not specified\n");
  if (Failed f = CheckContent(*content, "content")) return f;
  const json::Value* size = Get(root, "outputDimensionality");
  const int64_t dimensions = size == nullptr ? 3072 : size->Int().value_or(0);
  if (dimensions >= 1 && dimensions <= 3072) return std::nullopt;
  return InvalidArgument("* EmbedContentRequest.output_dimensionality: must be in the range [1, 3072].\n");
}

std::optional<Failure> CheckBatchEmbed(const Model& model, const json::Value& root) {
  const Values requests = List(root, "requests");
  if (requests.empty()) return InvalidArgument("* BatchEmbedContentsRequest.requests: requests is not specified\n");
  if (requests.size() > kMaxBatch) {
    return InvalidArgument("* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n");
  }
  for (const json::Value* request : requests) {
    if (GetText(*request, "model").empty()) {
      return InvalidArgument("* BatchEmbedContentsRequest.requests.model: model is not specified\n");
    }
    if (Failed f = CheckEmbed(model, *request)) return f;
  }
  return std::nullopt;
}

}  // namespace gc::test::fake
