// proto_openai_chat_response.cc: generateContent answers become Chat Completions answers, whole or as a stream.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/sse.h"
#include "handler/proto_openai_chat.h"
#include "handler/proto_openai_chat_choice.h"
#include "handler/proto_openai_chat_write.h"

namespace gc {
namespace {

using json::Value;
using Kind = OpenAiChatPiece::Kind;

constexpr size_t kIdLetters = 24;

class OpenAiChat final : public Protocol {
 public:
  explicit OpenAiChat(Clock& clock) : clock_(clock) {}

  Result<gemini::Request, ApiError> Parse(const HttpRequest& request, const ParseContext& context) override {
    auto parsed = ParseOpenAiChat(request.body, context, &call_);
    choices_.assign(call_.choices, OpenAiChatChoice(&call_, &clock_));
    started_.assign(call_.choices, false);
    totals_.assign(call_.calls, {});
    return parsed;
  }
  const std::string& requested_model() const override { return call_.requested_model; }

  Result<std::string, ApiError> WriteFull(std::span<const gemini::Response> responses) override;
  void WriteStart(std::string* out) override;
  void WriteChunk(const gemini::Response& chunk, std::string* out) override;
  Result<void, ApiError> WriteEnd(std::string* out) override;
  void WriteError(const ApiError& error, std::string* out) override {
    AppendSseData(ErrorBody(ErrorShape::kOpenAi, error, {}), out);
  }

 private:
  template <class OnCandidate>
  void EachCandidate(const gemini::Response& response, OnCandidate&& on_candidate);
  size_t per_call() const { return call_.choices / call_.calls; }
  const std::string& BlockReasonOf(size_t choice) const { return totals_[choice / per_call()].block_reason(); }
  OpenAiChatTotals AllTotals() const;
  const Value* LogprobsOf(const Value& candidate) const;
  void NoteSignature(const OpenAiChatToolCall& call);

  void WriteHead(json::Writer* w, std::string_view object);
  Result<void, ApiError> WriteFullChoice(json::Writer* w, size_t index, const Value* candidate);
  void WriteDelta(json::Writer* delta, size_t index, const OpenAiChatPiece& piece);
  template <class Write>
  void Frame(std::string* out, size_t index, std::string_view finish_reason, const Value* logprobs, Write&& write);
  void StartChoice(size_t index, std::string* out);
  void EndChoice(size_t index, std::string_view finish_reason, std::string* out);

  Clock& clock_;
  OpenAiChatCall call_;
  std::vector<OpenAiChatChoice> choices_;
  std::vector<bool> started_;             // by choice: its role went out
  std::vector<OpenAiChatTotals> totals_;  // by call
  std::string frame_head_;                // what every chunk of the stream begins with
};

// Calls on_candidate(index of the choice, candidate) for each that was asked for.
template <class OnCandidate>
void OpenAiChat::EachCandidate(const gemini::Response& response, OnCandidate&& on_candidate) {
  const Value* candidates = response.root().Find("candidates");
  if (candidates == nullptr) return;
  for (const Value& candidate : candidates->Items()) {
    const auto index = static_cast<size_t>(candidate.IntOr("index", 0));
    if (index < per_call()) on_candidate(response.call * per_call() + index, candidate);
  }
}

OpenAiChatTotals OpenAiChat::AllTotals() const {
  OpenAiChatTotals all = totals_.front();
  for (size_t i = 1; i < totals_.size(); ++i) all.Add(totals_[i]);
  return all;
}

const Value* OpenAiChat::LogprobsOf(const Value& candidate) const {
  return call_.logprobs ? candidate.Find("logprobsResult") : nullptr;
}

// Legacy calls have no id by which a signature could be found again.
void OpenAiChat::NoteSignature(const OpenAiChatToolCall& call) {
  if (!call.signature.empty() && !call_.legacy_functions) {
    signed_calls_.push_back({call.id, std::string(call.signature)});
  }
}

// Opens the top-level object with the members that all chunks and whole answers share.
void OpenAiChat::WriteHead(json::Writer* w, std::string_view object) {
  w->BeginObject().Key("id").String("chatcmpl-" + RandomAlnum(clock_, kIdLetters)).Key("object").String(object);
  w->Key("created").Int(clock_.UnixS()).Key("model").String(call_.requested_model);
}

Result<std::string, ApiError> OpenAiChat::WriteFull(std::span<const gemini::Response> responses) {
  std::vector<const Value*> candidates(choices_.size(), nullptr);
  for (const gemini::Response& response : responses) {
    totals_[response.call].Note(response);
    EachCandidate(response, [&](size_t index, const Value& candidate) { candidates[index] = &candidate; });
  }
  std::string body;
  json::Writer w(&body);
  WriteHead(&w, "chat.completion");
  w.Key("choices").BeginArray();
  for (size_t i = 0; i < choices_.size(); ++i) {
    if (i % per_call() > 0 && candidates[i] == nullptr) continue;  // Gemini may give fewer than were asked for
    if (const auto written = WriteFullChoice(&w, i, candidates[i]); !written.ok()) return written.error();
  }
  w.EndArray();
  AllTotals().WriteMembers(&w);
  w.EndObject();
  return body;
}

Result<void, ApiError> OpenAiChat::WriteFullChoice(json::Writer* w, size_t index, const Value* candidate) {
  OpenAiChatChoice& choice = choices_[index];
  OpenAiChatMessage message;
  const auto add = [&](OpenAiChatPiece& piece) {
    if (piece.kind == Kind::kCall) NoteSignature(piece.call);
    message.Add(std::move(piece));
  };
  if (candidate != nullptr) choice.Read(*candidate, add);
  const auto finish_reason = choice.FinishReason(BlockReasonOf(index));
  if (!finish_reason.ok()) return finish_reason.error();
  std::string refusal;
  if (*finish_reason == "content_filter" && !choice.has_content()) {
    refusal = choice.RefusalText(BlockReasonOf(index));
  }
  w->BeginObject().Key("index").Int(static_cast<int64_t>(index)).Key("message");
  message.Write(w, refusal, choice.citations(), call_.legacy_functions);
  w->Key("logprobs");
  const Value* logprobs = candidate == nullptr ? nullptr : LogprobsOf(*candidate);
  if (logprobs == nullptr) {
    w->Null();
  } else {
    WriteOpenAiChatLogprobs(w, *logprobs);
  }
  w->Key("finish_reason").String(*finish_reason).EndObject();
  return {};
}

void OpenAiChat::WriteStart(std::string* out) {
  frame_head_ = "data: ";
  json::Writer w(&frame_head_);
  WriteHead(&w, "chat.completion.chunk");
  for (size_t i = 0; i < choices_.size(); i += per_call()) StartChoice(i, out);
}

void OpenAiChat::StartChoice(size_t index, std::string* out) {
  if (started_[index]) return;
  started_[index] = true;
  Frame(out, index, {}, nullptr,
        [](json::Writer* delta) { delta->Key("role").String("assistant").Key("content").String(""); });
}

// One chunk whose delta has the members that `write` writes. Head and tail are text: they are most of every event and
// never change.
template <class Write>
void OpenAiChat::Frame(std::string* out, size_t index, std::string_view finish_reason, const Value* logprobs,
                       Write&& write) {
  out->append(frame_head_).append(R"(,"choices":[{"index":)").append(std::to_string(index)).append(R"(,"delta":)");
  json::Writer w(out);
  w.BeginObject();
  write(&w);
  w.EndObject();
  out->append(R"(,"logprobs":)");
  if (logprobs == nullptr) {
    out->append("null");
  } else {
    json::Writer logprobs_writer(out);
    WriteOpenAiChatLogprobs(&logprobs_writer, *logprobs);
  }
  out->append(R"(,"finish_reason":)");
  if (finish_reason.empty()) {
    out->append("null");
  } else {
    out->append("\"").append(finish_reason).append("\"");
  }
  out->append(call_.include_usage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
}

void OpenAiChat::WriteDelta(json::Writer* delta, size_t index, const OpenAiChatPiece& piece) {
  switch (piece.kind) {
    case Kind::kText:
      delta->Key("content").String(piece.text);
      return WriteOpenAiChatSignature(delta, piece.signature);
    case Kind::kThought:
      delta->Key("reasoning_content").String(piece.text);
      return;
    case Kind::kImage:
      delta->Key("images").BeginArray().BeginObject();
      delta->Key("index").Int(static_cast<int64_t>(choices_[index].images()) - 1);
      WriteOpenAiChatImage(delta, piece.image_url);
      delta->EndObject().EndArray();
      return;
    case Kind::kCall:
      break;
  }
  NoteSignature(piece.call);
  if (call_.legacy_functions) return WriteOpenAiChatFunctionCall(delta, piece.call);
  delta->Key("tool_calls").BeginArray().BeginObject();
  // Over the whole answer: Gemini sends each call in a chunk of its own.
  delta->Key("index").Int(static_cast<int64_t>(choices_[index].tool_calls()) - 1);
  WriteOpenAiChatToolCall(delta, piece.call);
  delta->EndObject().EndArray();
}

void OpenAiChat::WriteChunk(const gemini::Response& chunk, std::string* out) {
  totals_[chunk.call].Note(chunk);
  EachCandidate(chunk, [&](size_t index, const Value& candidate) {
    StartChoice(index, out);
    const Value* logprobs = LogprobsOf(candidate);  // of the whole chunk: its first text takes them
    choices_[index].Read(candidate, [&](OpenAiChatPiece& piece) {
      const Value* own = piece.kind == Kind::kText ? std::exchange(logprobs, nullptr) : nullptr;
      Frame(out, index, {}, own, [&](json::Writer* delta) { WriteDelta(delta, index, piece); });
    });
    if (logprobs != nullptr) Frame(out, index, {}, logprobs, [](json::Writer*) {});
  });
}

// What a choice still has to say, and its end.
void OpenAiChat::EndChoice(size_t index, std::string_view finish_reason, std::string* out) {
  const OpenAiChatChoice& choice = choices_[index];
  if (finish_reason == "content_filter" && !choice.has_content()) {
    Frame(out, index, {}, nullptr,
          [&](json::Writer* delta) { delta->Key("refusal").String(choice.RefusalText(BlockReasonOf(index))); });
  }
  if (!choice.citations().empty()) {
    Frame(out, index, {}, nullptr, [&](json::Writer* delta) { choice.citations().Write(&delta->Key("annotations")); });
  }
  Frame(out, index, finish_reason, nullptr, [](json::Writer*) {});
}

Result<void, ApiError> OpenAiChat::WriteEnd(std::string* out) {
  std::vector<std::string_view> reasons(choices_.size());
  for (size_t i = 0; i < choices_.size(); ++i) {
    if (!started_[i]) continue;
    if (!choices_[i].finished() && BlockReasonOf(i).empty()) {
      return ApiError{ApiErrorKind::kUpstreamInterrupted, "Gemini's answer broke off before its end.", "", 0};
    }
    const auto reason = choices_[i].FinishReason(BlockReasonOf(i));
    if (!reason.ok()) return reason.error();
    reasons[i] = *reason;
  }
  for (size_t i = 0; i < choices_.size(); ++i) {
    if (started_[i]) EndChoice(i, reasons[i], out);
  }
  const OpenAiChatTotals totals = AllTotals();
  if (call_.include_usage && totals.has_usage()) {
    out->append(frame_head_).append(R"(,"choices":[])");
    std::string members;
    json::Writer w(&members);
    w.BeginObject();
    totals.WriteMembers(&w);
    w.EndObject();
    out->append(",").append(members, 1).append("\n\n");
  }
  out->append("data: [DONE]\n\n");
  return {};
}

}  // namespace

std::unique_ptr<Protocol> NewOpenAiChat(Clock& clock) { return std::make_unique<OpenAiChat>(clock); }

}  // namespace gc
