// gemini_turns.h: a conversation in the order and shape that Gemini insists on. Protocols add what their clients sent,
// message by message; what comes out alternates user and model, begins and ends with the user, has one result per call
// right after its turn in the order of the calls, and no empty turn or part.
// Source: Gemini's function calling and thought signature rules; breaking one is a 400 for the whole request.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"

namespace gc {

// What happens to a step whose first call has no signature (the client lost it, or it never came from Gemini).
enum class UnsignedCalls { kLeave, kMark };

// One per request; not thread-safe. Texts are views: what they point to must live until Write, or be given to Own.
class GeminiTurns {
 public:
  // Keeps a text until this object ends.
  std::string_view Own(std::string text) { return owned_.emplace_back(std::move(text)); }

  // Empty text is dropped.
  void AddUserText(std::string_view text);
  // Empty text is dropped unless it carries a signature. A signature that is not base64 is dropped.
  void AddModelText(std::string_view text, std::string_view signature);
  // `arguments` is what the client calls the arguments: JSON text of an object, or anything else, which is wrapped.
  // `name` is Gemini's spelling.
  void AddCall(std::string_view id, std::string_view name, std::string_view arguments, std::string_view signature);
  // The result of the latest call with that id which has none yet; without such a call it becomes user text.
  void AddResult(std::string_view id, std::string_view content);

  bool empty() const { return turns_.empty(); }
  // Writes the `contents` array.
  void Write(json::Writer* w, UnsignedCalls unsigned_calls) const;

 private:
  // JSON text of an object, or (wrap not empty) plain text to be written as {wrap: text}.
  struct Payload {
    std::string_view text;
    std::string_view wrap;
  };
  struct Call {
    std::string_view id;
    std::string_view name;
    Payload arguments;
    Payload result;
    bool has_result = false;
  };
  struct Part {
    std::string_view text;
    std::string_view signature;
    ptrdiff_t call = -1;  // index in calls_; -1: a text part
  };
  struct Turn {
    bool from_model = false;
    std::vector<Part> parts;
  };
  // The unanswered calls with one id, all of one turn: ids may repeat in later turns, which then take over.
  struct OpenCalls {
    size_t turn = 0;
    std::vector<size_t> calls;
    size_t answered = 0;
  };

  Turn& TurnOf(bool from_model);
  Payload ObjectOr(std::string_view text, std::string_view wrap, bool refuse_refs);
  void WriteTurn(json::Writer* w, size_t index, UnsignedCalls unsigned_calls) const;
  void WriteCall(json::Writer* w, const Part& part, bool mark) const;
  void WriteResults(json::Writer* w, const Turn& turn) const;
  static void WritePayload(json::Writer* w, const Payload& payload);
  static bool HasCalls(const Turn& turn);

  std::vector<Turn> turns_;
  std::vector<Call> calls_;
  std::unordered_map<std::string_view, OpenCalls> open_;
  std::deque<std::string> owned_;
};

}  // namespace gc
