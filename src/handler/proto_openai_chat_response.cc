// proto_openai_chat_response.cc: generateContent answers become Chat Completions answers, whole or as a stream.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <functional>
#include <utility>

#include "base/json.h"
#include "base/sse.h"
#include "handler/proto_openai_chat.h"

namespace gc {
namespace {

using json::Value;

constexpr size_t kMaxGeminiIdBytes = 40;  // longer ids are cut or refused by some clients
constexpr size_t kIdLetters = 24;

// How an answer ended.
enum class Finish { kStop, kLength, kContentFilter, kFailed };

// By Gemini's finishReason; empty means that a whole answer came without one.
Finish FinishOf(std::string_view reason, bool has_content) {
  struct Row {
    std::string_view reason;
    Finish finish;
  };
  static constexpr Row kRows[] = {
      {"STOP", Finish::kStop},
      {"MAX_TOKENS", Finish::kLength},
      {"CONTINUATION", Finish::kLength},
      {"SAFETY", Finish::kContentFilter},
      {"RECITATION", Finish::kContentFilter},
      {"LANGUAGE", Finish::kContentFilter},
      {"BLOCKLIST", Finish::kContentFilter},
      {"PROHIBITED_CONTENT", Finish::kContentFilter},
      {"SPII", Finish::kContentFilter},
      {"IMAGE_SAFETY", Finish::kContentFilter},
      {"IMAGE_PROHIBITED_CONTENT", Finish::kContentFilter},
      {"IMAGE_RECITATION", Finish::kContentFilter},
      {"", Finish::kFailed},
      {"MALFORMED_FUNCTION_CALL", Finish::kFailed},
      {"UNEXPECTED_TOOL_CALL", Finish::kFailed},
      {"TOO_MANY_TOOL_CALLS", Finish::kFailed},
      {"MALFORMED_RESPONSE", Finish::kFailed},
      {"MISSING_THOUGHT_SIGNATURE", Finish::kFailed},
      {"NO_IMAGE", Finish::kFailed},
      {"IMAGE_OTHER", Finish::kFailed},
      {"OTHER", Finish::kFailed},
  };
  for (const Row& row : kRows) {
    if (row.reason != reason) continue;
    return row.finish == Finish::kFailed && has_content ? Finish::kStop : row.finish;
  }
  return Finish::kStop;  // a reason from the future
}

// One function call as the client gets it.
struct ToolCall {
  std::string id;
  std::string_view name;  // the client's spelling
  std::string arguments;  // JSON text
  std::string_view signature;
};

// What was said so far: all of a unary answer, or the running total of a stream.
struct Progress {
  bool has_text = false;
  bool has_media = false;
  size_t tool_calls = 0;
  std::string finish_reason;
  std::string finish_message;
  std::string block_reason;
  gemini::Usage usage;
  std::string service_tier;

  bool has_content() const { return has_text || tool_calls > 0; }
};

class OpenAiChat final : public Protocol {
 public:
  explicit OpenAiChat(Clock& clock) : clock_(clock) {}

  Result<gemini::Request, ApiError> Parse(const HttpRequest& request, const ParseContext& context) override {
    return ParseOpenAiChat(request.body, context, &call_);
  }
  const std::string& requested_model() const override { return call_.requested_model; }

  Result<std::string, ApiError> WriteFull(const gemini::Response& response) override;
  void WriteStart(std::string* out) override;
  void WriteChunk(const gemini::Response& chunk, std::string* out) override;
  Result<void, ApiError> WriteEnd(std::string* out) override;
  void WriteError(const ApiError& error, std::string* out) override {
    AppendSseData(ErrorBody(ErrorShape::kOpenAi, error, {}), out);
  }

 private:
  void Note(const gemini::Response& response);
  template <class OnText, class OnThought, class OnCall>
  void EachPart(const gemini::Response& response, OnText&& on_text, OnThought&& on_thought, OnCall&& on_call);
  bool TakeCall(const Value& part, ToolCall* call);
  std::string CallId(std::string_view gemini_id);
  Result<std::string_view, ApiError> FinishReason() const;
  std::string RefusalText() const;

  void WriteHead(json::Writer* w, std::string_view object);
  void WriteUsage(json::Writer* w) const;
  static void WriteCall(json::Writer* w, const ToolCall& call);
  static void WriteSignature(json::Writer* w, std::string_view signature);
  template <class WriteDelta>
  void Frame(std::string* out, std::string_view finish_reason, WriteDelta&& write_delta);

  Clock& clock_;
  OpenAiChatCall call_;
  Progress progress_;
  std::string frame_head_;  // what every chunk of the stream begins with
};

// Takes over what one answer or chunk says beside its parts. Usage holds running totals: the last one counts.
void OpenAiChat::Note(const gemini::Response& response) {
  if (!response.finish_reason.empty()) progress_.finish_reason = response.finish_reason;
  if (!response.block_reason.empty()) progress_.block_reason = response.block_reason;
  if (!response.usage.present) return;
  progress_.usage = response.usage;
  const std::string_view tier = response.root().Find("usageMetadata")->StringOr("serviceTier", "");
  if (!tier.empty()) progress_.service_tier = tier == "standard" ? "default" : tier;
}

// Sorts the parts of the first candidate. on_text(text, signature) also gets empty texts that are signed;
// on_thought(text); on_call(const ToolCall&).
template <class OnText, class OnThought, class OnCall>
void OpenAiChat::EachPart(const gemini::Response& response, OnText&& on_text, OnThought&& on_thought,
                          OnCall&& on_call) {
  const Value* candidates = response.root().Find("candidates");
  if (candidates == nullptr || candidates->Items().empty()) return;
  const Value& candidate = candidates->Items().front();
  if (const auto message = candidate.StringOr("finishMessage", ""); !message.empty()) {
    progress_.finish_message = message;
  }
  const Value* content = candidate.Find("content");
  const Value* parts = content == nullptr ? nullptr : content->Find("parts");
  if (parts == nullptr) return;
  for (const Value& part : parts->Items()) {
    const std::string_view text = part.StringOr("text", "");
    const std::string_view signature = part.StringOr("thoughtSignature", "");
    ToolCall call;
    if (part.BoolOr("thought", false)) {
      if (!text.empty()) on_thought(text);
    } else if (TakeCall(part, &call)) {
      on_call(call);
    } else if (!text.empty() || (!signature.empty() && part.Find("text") != nullptr)) {
      progress_.has_text = progress_.has_text || !text.empty();
      on_text(text, signature);
    } else if (part.Find("inlineData") != nullptr) {
      progress_.has_media = true;
    }
  }
}

// False when the part holds no call, or one that the client does not want to see.
bool OpenAiChat::TakeCall(const Value& part, ToolCall* call) {
  const Value* function_call = part.Find("functionCall");
  if (function_call == nullptr) return false;
  const std::string_view name = function_call->StringOr("name", "");
  if (name.empty() || (call_.first_tool_call_only && progress_.tool_calls > 0)) return false;
  ++progress_.tool_calls;
  call->id = CallId(function_call->StringOr("id", ""));
  call->name = call_.tool_names.ToClient(name);
  const Value* args = function_call->Find("args");
  call->arguments = args != nullptr && args->IsObject() ? json::ToText(*args) : "{}";
  call->signature = part.StringOr("thoughtSignature", "");
  if (!call->signature.empty()) signed_calls_.push_back({call->id, std::string(call->signature)});
  return true;
}

// Gemini's id when clients can live with it and this conversation has not used it yet, else one of ours.
std::string OpenAiChat::CallId(std::string_view gemini_id) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  };
  std::vector<size_t>& used = call_.used_call_ids;
  const size_t hash = std::hash<std::string_view>()(gemini_id);
  const bool keep = !gemini_id.empty() && gemini_id.size() <= kMaxGeminiIdBytes &&
                    std::all_of(gemini_id.begin(), gemini_id.end(), plain) &&
                    std::find(used.begin(), used.end(), hash) == used.end();
  if (!keep) return "call_" + RandomAlnum(clock_, kIdLetters);
  used.push_back(hash);
  return std::string(gemini_id);
}

// OpenAI's finish_reason, or the error that the answer really is.
Result<std::string_view, ApiError> OpenAiChat::FinishReason() const {
  if (!progress_.block_reason.empty() && !progress_.has_content()) return std::string_view("content_filter");
  if (progress_.has_media && !progress_.has_content()) {
    return ApiError{ApiErrorKind::kNotImplemented, "This model answers with media, which is not implemented here.", "",
                    0};
  }
  const Finish finish = FinishOf(progress_.finish_reason, progress_.has_content());
  if (finish == Finish::kContentFilter) return std::string_view("content_filter");
  if (finish == Finish::kFailed) {
    std::string message = "Gemini's answer is empty";
    if (!progress_.finish_reason.empty()) message += " (" + progress_.finish_reason + ")";
    if (!progress_.finish_message.empty()) message += ": " + progress_.finish_message;
    return ApiError{ApiErrorKind::kUpstreamBadResponse, message, "", 0};
  }
  // Gemini says STOP for calls, too; each call that went out is complete, whatever ended the answer.
  if (progress_.tool_calls > 0) return std::string_view("tool_calls");
  return std::string_view(finish == Finish::kLength ? "length" : "stop");
}

std::string OpenAiChat::RefusalText() const {
  if (!progress_.finish_message.empty()) return progress_.finish_message;
  if (progress_.block_reason.empty()) return "Gemini withheld the answer (" + progress_.finish_reason + ").";
  return "Gemini blocked the prompt (" + progress_.block_reason + ").";
}

// Opens the top-level object with the members that all chunks and whole answers share.
void OpenAiChat::WriteHead(json::Writer* w, std::string_view object) {
  w->BeginObject().Key("id").String("chatcmpl-" + RandomAlnum(clock_, kIdLetters)).Key("object").String(object);
  w->Key("created").Int(clock_.UnixS()).Key("model").String(call_.requested_model);
}

void OpenAiChat::WriteUsage(json::Writer* w) const {
  const gemini::Usage& usage = progress_.usage;
  w->BeginObject().Key("prompt_tokens").Int(usage.input()).Key("completion_tokens").Int(usage.output());
  w->Key("total_tokens").Int(usage.total);
  w->Key("prompt_tokens_details").BeginObject().Key("cached_tokens").Int(usage.cached);
  w->Key("audio_tokens").Int(0).EndObject();
  w->Key("completion_tokens_details").BeginObject().Key("reasoning_tokens").Int(usage.thoughts);
  w->Key("audio_tokens").Int(0).Key("accepted_prediction_tokens").Int(0).Key("rejected_prediction_tokens").Int(0);
  w->EndObject().EndObject();
}

// Members only: a chunk puts an index before them.
void OpenAiChat::WriteCall(json::Writer* w, const ToolCall& call) {
  w->Key("id").String(call.id).Key("type").String("function").Key("function").BeginObject();
  w->Key("name").String(call.name).Key("arguments").String(call.arguments).EndObject();
  WriteSignature(w, call.signature);
}

// Where Google's own OpenAI endpoint puts it; clients that know it send it back.
void OpenAiChat::WriteSignature(json::Writer* w, std::string_view signature) {
  if (signature.empty()) return;
  w->Key("extra_content").BeginObject().Key("google").BeginObject();
  w->Key("thought_signature").String(signature).EndObject().EndObject();
}

Result<std::string, ApiError> OpenAiChat::WriteFull(const gemini::Response& response) {
  std::string content;
  std::string reasoning;
  std::string_view signature;
  std::vector<ToolCall> calls;
  Note(response);
  EachPart(
      response,
      [&](std::string_view text, std::string_view text_signature) {
        content += text;
        if (!text_signature.empty()) signature = text_signature;
      },
      [&](std::string_view thought) { reasoning += thought; },
      [&](ToolCall& call) { calls.push_back(std::move(call)); });
  const auto finish_reason = FinishReason();
  if (!finish_reason.ok()) return finish_reason.error();
  const bool refused = *finish_reason == "content_filter" && !progress_.has_content();

  std::string body;
  body.reserve(content.size() + reasoning.size() + 1024);
  json::Writer w(&body);
  WriteHead(&w, "chat.completion");
  w.Key("choices").BeginArray().BeginObject().Key("index").Int(0);
  w.Key("message").BeginObject().Key("role").String("assistant").Key("content");
  if (refused || (content.empty() && !calls.empty())) {
    w.Null();
  } else {
    w.String(content);
  }
  w.Key("refusal");
  if (refused) {
    w.String(RefusalText());
  } else {
    w.Null();
  }
  if (!reasoning.empty()) w.Key("reasoning_content").String(reasoning);
  if (!calls.empty()) {
    w.Key("tool_calls").BeginArray();
    for (const ToolCall& call : calls) {
      w.BeginObject();
      WriteCall(&w, call);
      w.EndObject();
    }
    w.EndArray();
  }
  WriteSignature(&w, signature);
  w.EndObject().Key("logprobs").Null().Key("finish_reason").String(*finish_reason).EndObject().EndArray();
  if (progress_.usage.present) WriteUsage(&w.Key("usage"));
  if (!progress_.service_tier.empty()) w.Key("service_tier").String(progress_.service_tier);
  w.EndObject();
  return body;
}

void OpenAiChat::WriteStart(std::string* out) {
  frame_head_ = "data: ";
  json::Writer w(&frame_head_);
  WriteHead(&w, "chat.completion.chunk");
  Frame(out, {}, [](json::Writer* delta) { delta->Key("role").String("assistant").Key("content").String(""); });
}

// One chunk whose delta has the members that write_delta writes. Head and tail are text: they are most of every event
// and never change.
template <class WriteDelta>
void OpenAiChat::Frame(std::string* out, std::string_view finish_reason, WriteDelta&& write_delta) {
  out->append(frame_head_).append(R"(,"choices":[{"index":0,"delta":)");
  json::Writer w(out);
  w.BeginObject();
  write_delta(&w);
  w.EndObject();
  out->append(R"(,"logprobs":null,"finish_reason":)");
  if (finish_reason.empty()) {
    out->append("null");
  } else {
    out->append("\"").append(finish_reason).append("\"");
  }
  out->append(call_.include_usage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
}

void OpenAiChat::WriteChunk(const gemini::Response& chunk, std::string* out) {
  Note(chunk);
  EachPart(
      chunk,
      [&](std::string_view text, std::string_view signature) {
        Frame(out, {}, [&](json::Writer* delta) {
          delta->Key("content").String(text);
          WriteSignature(delta, signature);
        });
      },
      [&](std::string_view thought) {
        Frame(out, {}, [&](json::Writer* delta) { delta->Key("reasoning_content").String(thought); });
      },
      [&](const ToolCall& call) {
        Frame(out, {}, [&](json::Writer* delta) {
          delta->Key("tool_calls").BeginArray().BeginObject();
          // Over the whole answer: Gemini sends each call in a chunk of its own.
          delta->Key("index").Int(static_cast<int64_t>(progress_.tool_calls) - 1);
          WriteCall(delta, call);
          delta->EndObject().EndArray();
        });
      });
}

Result<void, ApiError> OpenAiChat::WriteEnd(std::string* out) {
  if (progress_.finish_reason.empty() && progress_.block_reason.empty()) {
    return ApiError{ApiErrorKind::kUpstreamInterrupted, "Gemini's answer broke off before its end.", "", 0};
  }
  const auto finish_reason = FinishReason();
  if (!finish_reason.ok()) return finish_reason.error();
  if (*finish_reason == "content_filter" && !progress_.has_content()) {
    Frame(out, {}, [&](json::Writer* delta) { delta->Key("refusal").String(RefusalText()); });
  }
  Frame(out, *finish_reason, [](json::Writer*) {});
  if (call_.include_usage && progress_.usage.present) {
    out->append(frame_head_).append(R"(,"choices":[],"usage":)");
    json::Writer w(out);
    WriteUsage(&w);
    out->append("}\n\n");
  }
  out->append("data: [DONE]\n\n");
  return {};
}

}  // namespace

std::unique_ptr<Protocol> NewOpenAiChat(Clock& clock) { return std::make_unique<OpenAiChat>(clock); }

}  // namespace gc
