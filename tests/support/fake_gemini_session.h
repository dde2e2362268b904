// fake_gemini_session.h: one connection of the fake Gemini: reads requests, judges them, has them answered.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "support/fake_gemini_director.h"
#include "support/fake_gemini_journal.h"
#include "support/fake_gemini_models.h"
#include "support/fake_gemini_player.h"
#include "support/fake_gemini_wire.h"

namespace gc::test::fake {

// What all connections share; each member is thread-safe by itself.
struct State {
  Journal journal;
  Doors doors;
  Director director;
};

// Runs in the connection's thread until the client or a script ends it.
class Session {
 public:
  Session(State* state, Connection* connection, int64_t number);
  void Run();

 private:
  bool Serve(const HttpRequest& request);
  bool ServeApi(const HttpRequest& request);
  bool ServeGet(const HttpRequest& request, std::string_view resource);
  bool ServePost(const HttpRequest& request, std::string_view resource);
  bool ServeGenerate(const Model& model, const json::Value& root, const Script& script, Form form);
  bool PlayCanned(const Canned& canned);
  // Without a script: refusals that come before a prompt is read.
  bool Refuse(const Failure& failure, Form form = Form::kUnary);
  bool Reply(int status, std::string content_type, std::string body);
  void Record(const HttpRequest& request);
  Player MakePlayer(const Script& script) const;

  State* state_;
  Connection* connection_;
  int64_t number_;
  // Of the request at hand.
  int64_t request_ = 0;
  std::string key_;
  bool takes_gzip_ = false;
};

}  // namespace gc::test::fake
