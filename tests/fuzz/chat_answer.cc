// chat_answer.cc: whatever Gemini answers, the client gets frames of JSON in an order that it understands, and the same
// from a stream as from a whole answer.
// SPDX-License-Identifier: MIT
#include <map>

#include "fuzz/answer_events.h"
#include "fuzz/fuzz.h"
#include "unit/chat_replay.h"

namespace gc::fuzz {
namespace {

using json::Value;

// What a client puts together of one choice.
struct Choice {
  std::string content;
  std::string reasoning;
  std::vector<std::string> calls;  // name and arguments
  std::string finish_reason;

  bool operator==(const Choice&) const = default;
};
using Choices = std::map<int64_t, Choice>;

// A call is a function whose arguments are JSON, or a custom tool with free text.
std::string TakeCall(const Value& call, Choice* choice) {
  const Value* function = call.Find("function");
  const Value* custom = call.Find("custom");
  if ((function == nullptr) == (custom == nullptr)) return "a call is of no type";
  const Value& what = function != nullptr ? *function : *custom;
  const std::string_view text = what.StringOr(function != nullptr ? "arguments" : "input", "");
  if (call.StringOr("id", "").empty() || what.StringOr("name", "").empty()) return "a call without a name";
  if (function != nullptr && !json::Document::Parse(std::string(text)).ok()) return "arguments that are not JSON";
  choice->calls.push_back(std::string(what.StringOr("name", "")) + " " + std::string(text));
  return {};
}

// The members that a message and a delta share.
std::string TakeMessage(const Value& message, Choice* choice) {
  choice->content += message.StringOr("content", "");
  choice->reasoning += message.StringOr("reasoning_content", "");
  if (const Value* call = message.Find("function_call")) {
    if (!json::Document::Parse(std::string(call->StringOr("arguments", "?"))).ok())
      return "arguments that are not JSON";
    choice->calls.push_back(std::string(call->StringOr("name", "")) + " " +
                            std::string(call->StringOr("arguments", "")));
  }
  const Value* calls = message.Find("tool_calls");
  if (calls == nullptr) return {};
  for (const Value& call : calls->Items()) {
    const bool in_order = call.IntOr("index", 0) == static_cast<int64_t>(choice->calls.size());
    if (call.Find("index") != nullptr && !in_order) return "calls are not numbered one after the other";
    if (auto broken = TakeCall(call, choice); !broken.empty()) return broken;
  }
  return {};
}

class Stream {
 public:
  // What is wrong with the next frame; empty: nothing.
  std::string Take(const std::string& frame) {
    if (ended_) return "a frame after the end";
    if (frame == "[DONE]") {
      ended_ = true;
      for (const auto& [index, choice] : choices_) {
        if (choice.finish_reason.empty()) return "a choice that has no end";
      }
      return choices_.empty() ? "an answer without a choice" : "";
    }
    const auto document = json::Document::Parse(frame);
    if (!document.ok()) return "not JSON: " + document.error().message;
    if (document->root().Find("error") != nullptr) {
      ended_ = failed_ = true;
      return {};
    }
    return TakeChunk(document->root());
  }

  bool ended() const { return ended_; }
  bool failed() const { return failed_; }
  const Choices& choices() const { return choices_; }

 private:
  std::string TakeChunk(const Value& chunk) {
    if (chunk.StringOr("object", "") != "chat.completion.chunk") return "a chunk that does not say so";
    if (id_.empty()) id_ = chunk.StringOr("id", "");
    if (id_.empty() || chunk.StringOr("id", "") != id_) return "chunks of two answers";
    const Value* choices = chunk.Find("choices");
    if (choices == nullptr || !choices->IsArray()) return "a chunk without choices";
    if (choices->Items().empty() && chunk.Find("usage") == nullptr) return "an empty chunk";
    for (const Value& choice : choices->Items()) {
      if (auto broken = TakeChoice(choice); !broken.empty()) return broken;
    }
    return {};
  }

  std::string TakeChoice(const Value& chunk) {
    const int64_t index = chunk.IntOr("index", -1);
    const Value* delta = chunk.Find("delta");
    if (index < 0 || delta == nullptr || !delta->IsObject()) return "a choice without index or delta";
    const bool is_new = !choices_.contains(index);
    if (is_new != (delta->StringOr("role", "") == "assistant")) return "the first chunk of a choice has the role";
    Choice& choice = choices_[index];
    if (!choice.finish_reason.empty()) return "a choice goes on after its end";
    choice.finish_reason = chunk.StringOr("finish_reason", "");
    return TakeMessage(*delta, &choice);
  }

  std::string id_;
  Choices choices_;
  bool ended_ = false;
  bool failed_ = false;
};

std::string TakeWhole(const Reply& reply, Choices* choices) {
  const auto document = json::Document::Parse(reply.body);
  if (!document.ok()) return "a whole answer that is not JSON: " + document.error().message;
  if ((reply.status != 200) != (document->root().Find("error") != nullptr)) return "an error that is none";
  if (reply.status != 200) return {};
  for (const Value& choice : document->root().Find("choices")->Items()) {
    Choice& whole = (*choices)[choice.IntOr("index", -1)];
    whole.finish_reason = choice.StringOr("finish_reason", "");
    if (auto broken = TakeMessage(*choice.Find("message"), &whole); !broken.empty()) return broken;
  }
  return choices->empty() ? "a whole answer without a choice" : "";
}

// Gemini gives each candidate once.
bool HasDistinctCandidates(const std::string& event) {
  const auto response = gemini::ParseResponse(event);
  const Value* candidates = response.ok() ? response->root().Find("candidates") : nullptr;
  std::map<int64_t, int> seen;
  if (candidates == nullptr) return true;
  for (const Value& candidate : candidates->Items()) {
    if (++seen[candidate.IntOr("index", 0)] > 1) return false;
  }
  return true;
}

}  // namespace

std::string CheckChatAnswer(std::string_view input) {
  const std::string request(TakeLine(&input));
  if (!ParseChat(request).ok()) return {};
  const std::vector<std::string> events = EventsIn(input);
  const Reply streamed = ReplayStream(request, {WireOf(events)});
  const auto frames = FramesOf(streamed.body);
  if (frames.empty()) return "not a stream of frames:\n" + streamed.body;
  Stream stream;
  for (const std::string& frame : frames) {
    if (auto broken = stream.Take(frame); !broken.empty()) return broken + "\n" + streamed.body;
  }
  if (!stream.ended()) return "the stream has no end";
  if (!stream.failed() && !AnyEnds(events)) return "a stream that was cut looks whole:\n" + streamed.body;
  if (events.size() != 1) return {};

  const Reply reply = ReplayUnary(request, 200, events.front());
  Choices whole;
  if (auto broken = TakeWhole(reply, &whole); !broken.empty()) return broken + "\n" + reply.body;
  if (!HasDistinctCandidates(events.front()) || (stream.failed() && !EndsAll(events.front()))) return {};
  if ((reply.status != 200) != stream.failed()) return "only one of stream and whole failed:\n" + reply.body;
  if (stream.failed() || whole == stream.choices()) return {};
  return "the stream says something else:\n" + streamed.body + reply.body;
}

}  // namespace gc::fuzz
