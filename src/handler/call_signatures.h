// call_signatures.h: where the thought signatures of earlier answers are kept, as protocols see it.
// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gc {

// A call that was written to the client.
struct SignedCall {
  std::string id;         // as the client got it
  std::string signature;  // Gemini's thoughtSignature
};

// For clients that do not send signatures back. One per request: it knows whose calls it may tell of.
class CallSignatures {
 public:
  virtual ~CallSignatures() = default;
  // Those that are known, in no order; trouble is no error, only nothing found. REQUIRES: each id once.
  virtual std::vector<SignedCall> Find(std::span<const std::string_view> call_ids) = 0;
  // Never waits.
  virtual void Keep(std::span<const SignedCall> calls) = 0;
};

// What a conversation's parts are signed with, beside what the client sent.
struct Signing {
  CallSignatures* kept = nullptr;  // null: nothing is kept
  bool only_dummies = false;       // Google's stand-in instead of every signature, the client's as well
};

}  // namespace gc
