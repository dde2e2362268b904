// proto_openai_chat_write.cc: messages, calls, log probabilities and usage as JSON.
// SPDX-License-Identifier: MIT
#include "handler/proto_openai_chat_write.h"

#include <algorithm>
#include <utility>

namespace gc {
namespace {

using json::Value;

// The tokens of sound in a list of counts by modality.
int64_t AudioTokens(const Value& usage, std::string_view name) {
  const Value* details = usage.Find(name);
  if (details == nullptr) return 0;
  int64_t tokens = 0;
  for (const Value& detail : details->Items()) {
    if (detail.StringOr("modality", "") == "AUDIO") {
      tokens = std::clamp<int64_t>(detail.IntOr("tokenCount", 0), 0, int64_t{1} << 48);
    }
  }
  return tokens;
}

// Members only.
void WriteToken(json::Writer* w, const Value& candidate) {
  const std::string_view token = candidate.StringOr("token", "");
  w->Key("token").String(token).Key("logprob");
  const Value* logprob = candidate.Find("logProbability");
  if (logprob != nullptr && logprob->IsNumber()) {
    w->Copy(*logprob);
  } else {
    w->Int(0);  // ProtoJSON leaves zeros out
  }
  w->Key("bytes").BeginArray();
  for (const char byte : token) w->Int(static_cast<unsigned char>(byte));
  w->EndArray();
}

}  // namespace

void OpenAiChatTotals::Note(const gemini::Response& response) {
  if (!response.block_reason.empty()) block_reason_ = response.block_reason;
  if (const auto version = response.root().StringOr("modelVersion", ""); !version.empty()) model_version_ = version;
  if (!response.usage.present) return;
  usage_ = response.usage;
  const Value& usage = *response.root().Find("usageMetadata");
  audio_in_ = AudioTokens(usage, "promptTokensDetails");
  audio_out_ = AudioTokens(usage, "candidatesTokensDetails");
  const std::string_view tier = usage.StringOr("serviceTier", "");
  if (!tier.empty()) service_tier_ = tier == "standard" ? "default" : tier;
}

void OpenAiChatTotals::Add(const OpenAiChatTotals& other) {
  if (!usage_.present || !other.usage_.present) {
    if (!usage_.present) *this = other;
    return;
  }
  usage_.candidates += other.usage_.candidates;
  usage_.thoughts += other.usage_.thoughts;
  usage_.total += other.usage_.output();
  audio_out_ += other.audio_out_;
}

void OpenAiChatTotals::WriteMembers(json::Writer* w) const {
  if (usage_.present) {
    w->Key("usage").BeginObject().Key("prompt_tokens").Int(usage_.input());
    w->Key("completion_tokens").Int(usage_.output()).Key("total_tokens").Int(usage_.total);
    w->Key("prompt_tokens_details").BeginObject().Key("cached_tokens").Int(usage_.cached);
    w->Key("audio_tokens").Int(audio_in_).EndObject();
    w->Key("completion_tokens_details").BeginObject().Key("reasoning_tokens").Int(usage_.thoughts);
    w->Key("audio_tokens").Int(audio_out_);
    w->Key("accepted_prediction_tokens").Int(0).Key("rejected_prediction_tokens").Int(0).EndObject().EndObject();
  }
  if (!service_tier_.empty()) w->Key("service_tier").String(service_tier_);
  if (!model_version_.empty()) w->Key("system_fingerprint").String(model_version_);
}

void OpenAiChatMessage::Add(OpenAiChatPiece piece) {
  switch (piece.kind) {
    case OpenAiChatPiece::Kind::kText:
      content_ += piece.text;
      if (!piece.signature.empty()) signature_ = piece.signature;
      break;
    case OpenAiChatPiece::Kind::kThought:
      reasoning_ += piece.text;
      break;
    case OpenAiChatPiece::Kind::kCall:
      calls_.push_back(std::move(piece.call));
      break;
    case OpenAiChatPiece::Kind::kImage:
      image_urls_.push_back(std::move(piece.image_url));
      break;
  }
}

void OpenAiChatMessage::Write(json::Writer* w, std::string_view refusal, const OpenAiChatCitations& citations,
                              bool legacy) const {
  w->BeginObject().Key("role").String("assistant").Key("content");
  if (!refusal.empty() || (content_.empty() && !calls_.empty())) {
    w->Null();
  } else {
    w->String(content_);
  }
  w->Key("refusal");
  if (refusal.empty()) {
    w->Null();
  } else {
    w->String(refusal);
  }
  if (!reasoning_.empty()) w->Key("reasoning_content").String(reasoning_);
  if (!citations.empty()) citations.Write(&w->Key("annotations"));
  if (!image_urls_.empty()) {
    w->Key("images").BeginArray();
    for (const std::string& url : image_urls_) {
      w->BeginObject();
      WriteOpenAiChatImage(w, url);
      w->EndObject();
    }
    w->EndArray();
  }
  if (legacy && !calls_.empty()) {
    WriteOpenAiChatFunctionCall(w, calls_.front());
  } else if (!calls_.empty()) {
    w->Key("tool_calls").BeginArray();
    for (const OpenAiChatToolCall& call : calls_) {
      w->BeginObject();
      WriteOpenAiChatToolCall(w, call);
      w->EndObject();
    }
    w->EndArray();
  }
  if (!legacy || calls_.empty()) WriteOpenAiChatSignature(w, signature_);
  w->EndObject();
}

void WriteOpenAiChatToolCall(json::Writer* w, const OpenAiChatToolCall& call) {
  const std::string_view type = call.is_custom ? "custom" : "function";
  w->Key("id").String(call.id).Key("type").String(type).Key(type).BeginObject().Key("name").String(call.name);
  w->Key(call.is_custom ? kCustomToolInput : "arguments").String(call.arguments).EndObject();
  WriteOpenAiChatSignature(w, call.signature);
}

void WriteOpenAiChatFunctionCall(json::Writer* w, const OpenAiChatToolCall& call) {
  w->Key("function_call").BeginObject().Key("name").String(call.name);
  w->Key("arguments").String(call.arguments).EndObject();
  WriteOpenAiChatSignature(w, call.signature);
}

void WriteOpenAiChatImage(json::Writer* w, std::string_view url) {
  w->Key("type").String("image_url").Key("image_url").BeginObject().Key("url").String(url).EndObject();
}

void WriteOpenAiChatSignature(json::Writer* w, std::string_view signature) {
  if (signature.empty()) return;
  w->Key("extra_content").BeginObject().Key("google").BeginObject();
  w->Key("thought_signature").String(signature).EndObject().EndObject();
}

void WriteOpenAiChatLogprobs(json::Writer* w, const Value& result) {
  const Value* chosen = result.Find("chosenCandidates");
  const Value* top = result.Find("topCandidates");
  w->BeginObject().Key("content").BeginArray();
  const size_t tokens = chosen == nullptr ? 0 : chosen->Items().size();
  for (size_t i = 0; i < tokens; ++i) {
    w->BeginObject();
    WriteToken(w, chosen->Items()[i]);
    w->Key("top_logprobs").BeginArray();
    const Value* others = top == nullptr || i >= top->Items().size() ? nullptr : top->Items()[i].Find("candidates");
    for (size_t k = 0; others != nullptr && k < others->Items().size(); ++k) {
      w->BeginObject();
      WriteToken(w, others->Items()[k]);
      w->EndObject();
    }
    w->EndArray().EndObject();
  }
  w->EndArray().Key("refusal").Null().EndObject();
}

}  // namespace gc
