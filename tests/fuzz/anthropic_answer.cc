// anthropic_answer.cc: whatever Gemini answers, the client gets events in the order that Anthropic's have, and the same
// from a stream as from a whole answer.
// SPDX-License-Identifier: MIT
#include "fuzz/answer_events.h"
#include "fuzz/fuzz.h"
#include "unit/anthropic_replay.h"

namespace gc::fuzz {
namespace {

using json::Value;

// What a client puts together.
struct Message {
  std::string text;
  std::string thinking;
  std::vector<std::string> calls;  // name and input
  std::string stop_reason;

  bool operator==(const Message&) const = default;
};

class Stream {
 public:
  // What is wrong with the next event; empty: nothing.
  std::string Take(const AnthropicEvent& event) {
    if (ended_) return "an event after the end";
    const auto document = json::Document::Parse(event.data);
    if (!document.ok()) return "not JSON: " + document.error().message;
    const Value& data = document->root();
    if (data.StringOr("type", "") != event.name) return "an event of another type than its name";
    if (event.name == "message_start") return std::exchange(started_, true) ? "a second message_start" : "";
    if (!started_) return "no message_start";
    if (event.name == "ping") return {};
    if (event.name == "error") {
      ended_ = failed_ = true;
      return {};
    }
    if (event.name == "message_stop") {
      ended_ = true;
      return message_.stop_reason.empty() ? "message_stop without message_delta" : "";
    }
    if (!message_.stop_reason.empty()) return "an event after message_delta";
    if (event.name == "message_delta") {
      if (block_.open) return "a block that has no end";
      message_.stop_reason = data.Find("delta")->StringOr("stop_reason", "");
      return message_.stop_reason.empty() ? "no stop_reason" : "";
    }
    return TakeBlock(event.name, data);
  }

  bool ended() const { return ended_; }
  bool failed() const { return failed_; }
  const Message& message() const { return message_; }

 private:
  struct Block {
    bool open = false;
    std::string type;
    std::string name;
    std::string input;
  };

  std::string TakeBlock(std::string_view event, const Value& data) {
    if (data.IntOr("index", -1) != blocks_) return "blocks are not numbered one after the other";
    if ((event == "content_block_start") == block_.open) return "a block begins inside another, or never began";
    if (event == "content_block_start") {
      const Value* start = data.Find("content_block");
      if (start == nullptr || start->StringOr("type", "").empty()) return "a block without a type";
      block_ = {true, std::string(start->StringOr("type", "")), std::string(start->StringOr("name", "")), ""};
      return {};
    }
    if (event == "content_block_delta") return TakeDelta(*data.Find("delta"));
    if (event != "content_block_stop") return "an event that nobody knows";
    ++blocks_;
    block_.open = false;
    if (block_.type != "tool_use") return {};
    const auto input = json::Document::Parse(block_.input);
    if (!input.ok() || !input->root().IsObject()) return "a call's input is no object";
    message_.calls.push_back(block_.name + " " + block_.input);
    return {};
  }

  std::string TakeDelta(const Value& delta) {
    const std::string_view type = delta.StringOr("type", "");
    const bool of_text = type == "text_delta" || type == "citations_delta";
    const bool of_thinking = type == "thinking_delta" || type == "signature_delta";
    const bool of_use = type == "input_json_delta";
    if (!of_text && !of_thinking && !of_use) return "a delta that nobody knows";
    const bool fits = of_text       ? block_.type == "text"
                      : of_thinking ? block_.type == "thinking"
                                    : block_.type == "tool_use" || block_.type == "server_tool_use";
    if (!fits) return "a delta in a block of another type";
    message_.text += delta.StringOr("text", "");
    message_.thinking += delta.StringOr("thinking", "");
    block_.input += delta.StringOr("partial_json", "");
    return {};
  }

  Message message_;
  Block block_;
  int64_t blocks_ = 0;
  bool started_ = false;
  bool ended_ = false;
  bool failed_ = false;
};

std::string TakeWhole(const Reply& reply, Message* message) {
  const auto document = json::Document::Parse(reply.body);
  if (!document.ok()) return "a whole answer that is not JSON: " + document.error().message;
  const Value& root = document->root();
  if ((reply.status != 200) != (root.StringOr("type", "") == "error")) return "an error that is none";
  if (reply.status != 200) return {};
  for (const Value& block : root.Find("content")->Items()) {
    message->text += block.StringOr("text", "");
    message->thinking += block.StringOr("thinking", "");
    const Value* input = block.Find("input");
    if (block.StringOr("type", "") != "tool_use") continue;
    if (input == nullptr || !input->IsObject()) return "a call's input is no object";
    message->calls.push_back(std::string(block.StringOr("name", "")) + " " + json::ToText(*input));
  }
  message->stop_reason = root.StringOr("stop_reason", "");
  return message->stop_reason.empty() ? "no stop_reason" : "";
}

}  // namespace

std::string CheckAnthropicAnswer(std::string_view input) {
  const std::string request(TakeLine(&input));
  if (!ParseMessages(request).ok()) return {};
  const std::vector<std::string> gemini_events = EventsIn(input);
  const Reply streamed = AnthropicStream(request, {WireOf(gemini_events)});
  const auto events = EventsOf(streamed.body);
  if (events.empty()) return "not a stream of events:\n" + streamed.body;
  Stream stream;
  for (const AnthropicEvent& event : events) {
    if (auto broken = stream.Take(event); !broken.empty()) return broken + "\n" + streamed.body;
  }
  if (!stream.ended()) return "the stream has no end";
  if (!stream.failed() && !AnyEnds(gemini_events)) return "a stream that was cut looks whole:\n" + streamed.body;
  if (gemini_events.size() != 1) return {};

  const Reply reply = AnthropicUnary(request, 200, gemini_events.front());
  Message whole;
  if (auto broken = TakeWhole(reply, &whole); !broken.empty()) return broken + "\n" + reply.body;
  if (stream.failed() && !EndsAll(gemini_events.front())) return {};
  if ((reply.status != 200) != stream.failed()) {
    return "only one of stream and whole failed:\n" + streamed.body + reply.body;
  }
  if (stream.failed() || whole == stream.message()) return {};
  return "the stream says something else:\n" + streamed.body + reply.body;
}

}  // namespace gc::fuzz
