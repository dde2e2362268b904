// gemini_turns.cc: merging, pairing and signing of turns.
// SPDX-License-Identifier: MIT
#include "handler/gemini_turns.h"

#include <algorithm>

#include "handler/gemini.h"

namespace gc {
namespace {

// Google's own value for calls that were not made by the model or lost their signature.
constexpr std::string_view kDummySignature = "skip_thought_signature_validator";

bool IsBase64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
         c == '-' || c == '_';
}

// The signature if it can be one, else nothing. The dummies' letters pass as well, and are meant to.
std::string_view CheckedSignature(std::string_view signature) {
  const size_t end = signature.find_last_not_of('=');
  const std::string_view digits = signature.substr(0, end == std::string_view::npos ? 0 : end + 1);
  const bool is_one = !digits.empty() && std::all_of(digits.begin(), digits.end(), IsBase64);
  return is_one ? signature : std::string_view();
}

// Gemini reads a key "$ref" anywhere in a result as a reference to a file part.
bool HasRef(const json::Value& value) {
  for (const json::Value& item : value.Items()) {
    if (HasRef(item)) return true;
  }
  for (const json::Member& member : value.Members()) {
    if (member.name.Text() == "$ref" || HasRef(member.value)) return true;
  }
  return false;
}

}  // namespace

GeminiTurns::Turn& GeminiTurns::TurnOf(bool from_model) {
  if (turns_.empty() || turns_.back().from_model != from_model) turns_.push_back({from_model, {}});
  return turns_.back();
}

GeminiTurns::Payload GeminiTurns::ObjectOr(std::string_view text, std::string_view wrap, bool refuse_refs) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '{') return {text, wrap};
  std::string repaired = gemini::RepairSurrogates(std::string(text));
  const auto document = json::Document::Parse(repaired);
  if (!document.ok() || (refuse_refs && HasRef(document->root()))) return {text, wrap};
  return {repaired == text ? text : Own(std::move(repaired)), {}};
}

void GeminiTurns::AddUserText(std::string_view text) {
  if (!text.empty()) TurnOf(false).parts.push_back({.text = text});
}

void GeminiTurns::AddUserMedia(const MediaView& media) {
  TurnOf(false).parts.push_back({.kind = PartKind::kMedia, .media = media});
}

void GeminiTurns::AddUserFile(std::string_view mime_type, std::string_view uri) {
  TurnOf(false).parts.push_back({.kind = PartKind::kFile, .text = uri, .media = {mime_type, {}, {}}});
}

void GeminiTurns::AddModelText(std::string_view text, std::string_view signature) {
  signature = CheckedSignature(signature);
  if (!text.empty() || !signature.empty()) TurnOf(true).parts.push_back({.text = text, .signature = signature});
}

void GeminiTurns::AddCall(std::string_view id, std::string_view name, std::string_view arguments,
                          std::string_view signature) {
  const bool blank = arguments.find_first_not_of(" \t\r\n") == std::string_view::npos;
  const Payload payload = blank ? Payload{"{}", {}} : ObjectOr(arguments, "_raw", false);
  const size_t index = calls_.size();
  calls_.push_back({id, name, payload, {}, {}, false});
  TurnOf(true).parts.push_back({.kind = PartKind::kCall, .signature = CheckedSignature(signature), .call = index});
  OpenCalls& open = open_[id];
  if (open.turn != turns_.size() - 1) open = {turns_.size() - 1, {}, 0};
  open.calls.push_back(index);
}

void GeminiTurns::AddResult(std::string_view id, std::string_view content, ResultKind kind,
                            std::vector<MediaView> media) {
  const auto found = open_.find(id);
  if (found == open_.end() || found->second.answered == found->second.calls.size()) {
    AddUserText(Own("Tool result (" + std::string(id) + "): " + std::string(content)));
    for (const MediaView& m : media) AddUserMedia(m);
    return;
  }
  OpenCalls& open = found->second;
  Call& call = calls_[open.calls[open.answered++]];
  call.result = kind == ResultKind::kError ? Payload{content, "error"} : ObjectOr(content, "output", true);
  call.media = std::move(media);
  call.has_result = true;
  // The results open the turn after their calls; what the model says next is a new step.
  if (open.turn == turns_.size() - 1) TurnOf(false);
}

bool GeminiTurns::HasCalls(const Turn& turn) {
  return std::any_of(turn.parts.begin(), turn.parts.end(), [](const Part& p) { return p.kind == PartKind::kCall; });
}

std::string_view GeminiTurns::Signer::For(const Part& part, bool first_call) const {
  if (!only_dummies && !part.signature.empty()) return part.signature;
  if (part.kind == PartKind::kText) {
    // An empty text is there for its signature alone.
    return !part.signature.empty() && part.text.empty() ? kDummySignature : std::string_view();
  }
  if (const auto found = kept.find(part.call); found != kept.end()) return found->second;
  return marks && first_call ? kDummySignature : std::string_view();
}

// One look-up for all steps whose first call came unsigned: a client that keeps signatures has none for the other calls
// of a step either. Where an id was used again, the latest call has what is kept.
std::unordered_map<size_t, std::string> GeminiTurns::FindSignatures(CallSignatures* kept) const {
  std::unordered_map<std::string_view, size_t> unsigned_calls;
  for (const Turn& turn : turns_) {
    const auto is_call = [](const Part& part) { return part.kind == PartKind::kCall; };
    const auto first = std::find_if(turn.parts.begin(), turn.parts.end(), is_call);
    if (first == turn.parts.end() || !first->signature.empty()) continue;
    for (const Part& part : turn.parts) {
      if (is_call(part) && part.signature.empty()) unsigned_calls[calls_[part.call].id] = part.call;
    }
  }
  std::unordered_map<size_t, std::string> found;
  if (unsigned_calls.empty()) return found;
  std::vector<std::string_view> ids;
  ids.reserve(unsigned_calls.size());
  for (const auto& [id, call] : unsigned_calls) ids.push_back(id);
  for (SignedCall& call : kept->Find(ids)) {
    const auto asked = unsigned_calls.find(call.id);
    if (asked != unsigned_calls.end() && !CheckedSignature(call.signature).empty()) {
      found[asked->second] = std::move(call.signature);
    }
  }
  return found;
}

void GeminiTurns::Write(json::Writer* w, const ModelFamily& family, const Signing& signing) const {
  Signer signer{family.signs_calls, signing.only_dummies, {}};
  if (signer.marks && !signer.only_dummies && signing.kept != nullptr) signer.kept = FindSignatures(signing.kept);
  const auto fill_in = [&](std::string_view text) {
    w->BeginObject().Key("role").String("user").Key("parts").BeginArray();
    w->BeginObject().Key("text").String(text).EndObject().EndArray().EndObject();
  };
  w->BeginArray();
  if (!turns_.empty() && turns_.front().from_model) fill_in(".");
  for (size_t i = 0; i < turns_.size(); ++i) WriteTurn(w, i, family, signer);
  if (!turns_.empty() && turns_.back().from_model) {
    if (HasCalls(turns_.back())) {
      w->BeginObject().Key("role").String("user").Key("parts").BeginArray();
      WriteResults(w, turns_.back(), family);
      w->EndArray().EndObject();
    } else {
      fill_in("Continue.");
    }
  }
  w->EndArray();
}

void GeminiTurns::WriteTurn(json::Writer* w, size_t index, const ModelFamily& family, const Signer& signer) const {
  const Turn& turn = turns_[index];
  w->BeginObject().Key("role").String(turn.from_model ? "model" : "user").Key("parts").BeginArray();
  if (!turn.from_model && index > 0) WriteResults(w, turns_[index - 1], family);
  bool first_call = true;
  for (const Part& part : turn.parts) {
    const std::string_view signature = signer.For(part, first_call);
    switch (part.kind) {
      case PartKind::kCall:
        WriteCall(w, part, signature);
        first_call = false;
        break;
      case PartKind::kMedia:
        WriteMedia(w, part.media);
        break;
      case PartKind::kFile:
        w->BeginObject().Key("fileData").BeginObject();
        if (!part.media.mime_type.empty()) w->Key("mimeType").String(part.media.mime_type);
        w->Key("fileUri").String(part.text).EndObject().EndObject();
        break;
      case PartKind::kText:
        w->BeginObject().Key("text").String(part.text);
        if (!signature.empty()) w->Key("thoughtSignature").String(signature);
        w->EndObject();
        break;
    }
  }
  w->EndArray().EndObject();
}

void GeminiTurns::WriteMedia(json::Writer* w, const MediaView& media) {
  w->BeginObject().Key("inlineData").BeginObject();
  w->Key("mimeType").String(media.mime_type).Key("data").String(media.data).EndObject();
  if (!media.resolution.empty()) {
    w->Key("mediaResolution").BeginObject().Key("level").String(media.resolution).EndObject();
  }
  w->EndObject();
}

void GeminiTurns::WriteCall(json::Writer* w, const Part& part, std::string_view signature) const {
  const Call& call = calls_[part.call];
  w->BeginObject().Key("functionCall").BeginObject();
  w->Key("id").String(call.id).Key("name").String(call.name).Key("args");
  WritePayload(w, call.arguments);
  w->EndObject();
  if (!signature.empty()) w->Key("thoughtSignature").String(signature);
  w->EndObject();
}

void GeminiTurns::WriteResults(json::Writer* w, const Turn& turn, const ModelFamily& family) const {
  const bool takes_media = family.media_in_results;
  for (const Part& part : turn.parts) {
    if (part.kind != PartKind::kCall) continue;
    const Call& call = calls_[part.call];
    w->BeginObject().Key("functionResponse").BeginObject();
    w->Key("id").String(call.id).Key("name").String(call.name).Key("response");
    WritePayload(w, call.has_result ? call.result : Payload{"no result", "error"});
    if (takes_media && !call.media.empty()) {
      w->Key("parts").BeginArray();
      for (const MediaView& media : call.media) WriteMedia(w, media);
      w->EndArray();
    }
    w->EndObject().EndObject();
  }
  if (takes_media) return;
  for (const Part& part : turn.parts) {
    if (part.kind != PartKind::kCall) continue;
    for (const MediaView& media : calls_[part.call].media) WriteMedia(w, media);
  }
}

void GeminiTurns::WritePayload(json::Writer* w, const Payload& payload) {
  if (payload.wrap.empty()) {
    w->Raw(payload.text);
  } else {
    w->BeginObject().Key(payload.wrap).String(payload.text).EndObject();
  }
}

}  // namespace gc
