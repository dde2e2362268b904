// gemini_turns.h: a conversation in the order and shape that Gemini insists on. Protocols add what their clients sent,
// message by message; what comes out alternates user and model, begins and ends with the user, has one result per call
// right after its turn in the order of the calls, and no empty turn or part.
// Source: Gemini's function calling and thought signature rules; breaking one is a 400 for the whole request.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "handler/call_signatures.h"
#include "handler/models.h"

namespace gc {

// An image, sound or document: views, as all texts here.
struct MediaView {
  std::string_view mime_type;
  std::string_view data;             // standard base64
  std::string_view resolution = {};  // mediaResolution.level; empty: the model's choice
};

enum class ResultKind { kOutput, kError };

// One per request; not thread-safe. Texts are views: what they point to must live until Write, or be given to Own.
class GeminiTurns {
 public:
  // Keeps a text until this object ends.
  std::string_view Own(std::string text) { return owned_.emplace_back(std::move(text)); }

  // Empty text is dropped.
  void AddUserText(std::string_view text);
  void AddUserMedia(const MediaView& media);
  // A file that Gemini can fetch by itself. mime_type may be empty.
  void AddUserFile(std::string_view mime_type, std::string_view uri);
  // Empty text is dropped unless it carries a signature. A signature that is not base64 is dropped.
  void AddModelText(std::string_view text, std::string_view signature);
  // `arguments` is what the client calls the arguments: JSON text of an object, or anything else, which is wrapped.
  // `name` is Gemini's spelling.
  void AddCall(std::string_view id, std::string_view name, std::string_view arguments, std::string_view signature);
  // The result of the latest call with that id which has none yet; without such a call it becomes user text and media.
  void AddResult(std::string_view id, std::string_view content, ResultKind kind = ResultKind::kOutput,
                 std::vector<MediaView> media = {});

  bool empty() const { return turns_.empty(); }
  // Writes the `contents` array. Where the family wants signatures, a step whose first call came without one gets back
  // those that were kept for its calls; if there is none either (it never came from Gemini, say), Google's stand-in.
  void Write(json::Writer* w, const ModelFamily& family, const Signing& signing = {}) const;

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
    std::vector<MediaView> media;  // of the result
    bool has_result = false;
  };
  enum class PartKind : uint8_t { kText, kCall, kMedia, kFile };
  struct Part {
    PartKind kind = PartKind::kText;
    std::string_view text = {};       // kFile: the URI
    std::string_view signature = {};  // kText, kCall
    size_t call = 0;                  // kCall: index in calls_
    MediaView media = {};             // kMedia; kFile: the type
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

  // How Write signs.
  struct Signer {
    bool marks = false;  // the first call of a step needs one
    bool only_dummies = false;
    std::unordered_map<size_t, std::string> kept;  // by call
    std::string_view For(const Part& part, bool first_call) const;
  };

  Turn& TurnOf(bool from_model);
  Payload ObjectOr(std::string_view text, std::string_view wrap, bool refuse_refs);
  std::unordered_map<size_t, std::string> FindSignatures(CallSignatures* kept) const;
  void WriteTurn(json::Writer* w, size_t index, const ModelFamily& family, const Signer& signer) const;
  void WriteCall(json::Writer* w, const Part& part, std::string_view signature) const;
  void WriteResults(json::Writer* w, const Turn& turn, const ModelFamily& family) const;
  static void WriteMedia(json::Writer* w, const MediaView& media);
  static void WritePayload(json::Writer* w, const Payload& payload);
  static bool HasCalls(const Turn& turn);

  std::vector<Turn> turns_;
  std::vector<Call> calls_;
  std::unordered_map<std::string_view, OpenCalls> open_;
  std::deque<std::string> owned_;
};

}  // namespace gc
