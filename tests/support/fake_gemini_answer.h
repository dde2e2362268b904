// fake_gemini_answer.h: what the fake says: echo, tool calls, JSON by schema, with plausible counts.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "support/fake_gemini_models.h"
#include "support/fake_gemini_script.h"

namespace gc::test::fake {

// The text parts of the last content, one per line; when it has none, its function responses as JSON.
std::string LastUserText(const json::Value& root);

// One answer to one request; frames are made when asked for, so that a million of them cost no memory.
class Answer {
 public:
  // REQUIRES: the request passed CheckRequest. All three must outlive the answer.
  Answer(const Model& model, const json::Value& root, const Script& script);

  int64_t frame_count() const { return pieces_ + (thinks_ ? 1 : 0); }
  // The k-th stream frame, from 1: one GenerateContentResponse in one line.
  std::string Frame(int64_t k) const;
  std::string Unary() const;

 private:
  struct Call {
    std::string id;
    std::string name;
    std::string args;
  };

  void PlanCalls();
  void AddCall(const json::Value& function);
  void PlanText();
  std::string JsonText(const json::Value& config) const;
  void ApplyLimits(const json::Value& config);
  std::string Piece(int64_t k) const;
  void WriteParts(json::Writer* w, int64_t first, int64_t last) const;
  void WriteCandidates(json::Writer* w, bool thought, int64_t first, int64_t last) const;
  void WriteLogprobs(json::Writer* w, std::string_view token) const;
  void WriteGrounding(json::Writer* w) const;
  void WriteUsage(json::Writer* w, int64_t piece) const;
  std::string Response(bool thought, int64_t first, int64_t last) const;

  const Model& model_;
  const json::Value& root_;
  const Script& script_;
  std::string prompt_;  // without directives
  std::string text_;    // all of it, but for chunks= and big=, whose pieces are computed
  std::string finish_ = "STOP";
  std::vector<Call> calls_;
  bool thinks_ = false;
  bool logprobs_ = false;
  bool searches_ = false;
  int64_t candidates_ = 1;
  int64_t prompt_tokens_ = 1;
  int64_t output_bytes_ = 0;
  int64_t pieces_ = 1;
};

// Deterministic vectors and counts of the smaller methods; the request was checked.
std::string CountTokensAnswer(const json::Value& root);
std::string EmbedAnswer(const json::Value& root);
std::string BatchEmbedAnswer(const json::Value& root);

}  // namespace gc::test::fake
