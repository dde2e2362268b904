// proto_anthropic_blocks.cc: starts, deltas and stops of blocks.
// SPDX-License-Identifier: MIT
#include "handler/proto_anthropic_blocks.h"

#include "base/sse.h"

namespace gc {
namespace {

constexpr std::string_view kDirect = R"({"type":"direct"})";  // the model itself asked for the tool

void WriteUse(json::Writer* w, std::string_view type, std::string_view id, std::string_view name,
              std::string_view input) {
  w->BeginObject().Key("type").String(type).Key("id").String(id).Key("name").String(name);
  w->Key("input").Raw(input).Key("caller").Raw(kDirect).EndObject();
}

}  // namespace

void AnthropicBlocks::Start(std::string_view block) {
  if (form_ == AnthropicForm::kWhole) {
    if (index_ > 0) out_->append(",");
    out_->append(block);
    return;
  }
  std::string data = R"({"type":"content_block_start","index":)" + std::to_string(index_) + R"(,"content_block":)";
  AppendSseEvent("content_block_start", data.append(block).append("}"), out_);
}

void AnthropicBlocks::Stop() {
  if (form_ == AnthropicForm::kEvents) {
    AppendSseEvent("content_block_stop", R"({"type":"content_block_stop","index":)" + std::to_string(index_) + "}",
                   out_);
  }
  ++index_;
}

template <class WriteDelta>
void AnthropicBlocks::Delta(std::string_view type, WriteDelta&& write_delta) {
  std::string data = R"({"type":"content_block_delta","index":)" + std::to_string(index_) + R"(,"delta":)";
  json::Writer w(&data);
  w.BeginObject().Key("type").String(type);
  write_delta(&w);
  w.EndObject();
  AppendSseEvent("content_block_delta", data.append("}"), out_);
}

void AnthropicBlocks::OpenAs(Open kind) {
  if (open_ == kind) return;
  Close();
  open_ = kind;
  if (form_ == AnthropicForm::kWhole) return;
  Start(kind == Open::kText ? R"({"type":"text","text":"","citations":null})"
                            : R"({"type":"thinking","thinking":"","signature":""})");
}

void AnthropicBlocks::Text(std::string_view text) {
  OpenAs(Open::kText);
  if (form_ == AnthropicForm::kWhole) {
    text_ += text;
  } else {
    Delta("text_delta", [&](json::Writer* w) { w->Key("text").String(text); });
  }
}

void AnthropicBlocks::Thinking(std::string_view text) {
  OpenAs(Open::kThinking);
  if (form_ == AnthropicForm::kWhole) {
    text_ += text;
  } else if (!text.empty()) {
    Delta("thinking_delta", [&](json::Writer* w) { w->Key("thinking").String(text); });
  }
}

void AnthropicBlocks::Cite(std::string_view citation) {
  if (open_ != Open::kText) return;
  if (form_ == AnthropicForm::kWhole) {
    citations_.append(citations_.empty() ? "" : ",").append(citation);
  } else {
    Delta("citations_delta", [&](json::Writer* w) { w->Key("citation").Raw(citation); });
  }
}

void AnthropicBlocks::Carry(CarrierTarget target, std::string_view signature, Home home) {
  if (open_ == Open::kThinking || home == Home::kThinking) {
    OpenAs(Open::kThinking);
    carrier_ = MakeCarrier(target, signature);
    return Close();
  }
  std::string block;
  json::Writer w(&block);
  w.BeginObject().Key("type").String("redacted_thinking").Key("data").String(MakeCarrier(target, signature));
  w.EndObject();
  Complete(block);
}

void AnthropicBlocks::ToolUse(std::string_view id, std::string_view name, std::string_view input) {
  Use("tool_use", id, name, input);
}

void AnthropicBlocks::ServerToolUse(std::string_view id, std::string_view name, std::string_view input) {
  Use("server_tool_use", id, name, input);
}

void AnthropicBlocks::Use(std::string_view type, std::string_view id, std::string_view name, std::string_view input) {
  Close();
  std::string block;
  json::Writer w(&block);
  WriteUse(&w, type, id, name, form_ == AnthropicForm::kWhole ? input : "{}");
  Start(block);
  if (form_ == AnthropicForm::kEvents) {
    Delta("input_json_delta", [&](json::Writer* delta) { delta->Key("partial_json").String(input); });
  }
  Stop();
}

void AnthropicBlocks::Complete(std::string_view block) {
  Close();
  Start(block);
  Stop();
}

void AnthropicBlocks::Close() {
  if (open_ == Open::kNothing) return;
  const bool is_thinking = open_ == Open::kThinking;
  if (is_thinking && carrier_.empty()) carrier_ = MakeCarrier(CarrierTarget::kNone, {});
  if (form_ == AnthropicForm::kWhole) {
    std::string block;
    json::Writer w(&block);
    w.BeginObject().Key("type").String(is_thinking ? "thinking" : "text");
    w.Key(is_thinking ? "thinking" : "text").String(text_);
    if (is_thinking) {
      w.Key("signature").String(carrier_);
    } else {
      w.Key("citations").Raw(citations_.empty() ? "null" : "[" + citations_ + "]");
    }
    w.EndObject();
    Start(block);
  } else if (is_thinking) {
    Delta("signature_delta", [&](json::Writer* w) { w->Key("signature").String(carrier_); });
  }
  Stop();
  open_ = Open::kNothing;
  carrier_.clear();
  text_.clear();
  citations_.clear();
}

}  // namespace gc
