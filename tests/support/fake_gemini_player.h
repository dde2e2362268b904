// fake_gemini_player.h: writes one answer to the connection as its script says, and logs every step.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/fake_gemini_error.h"
#include "support/fake_gemini_journal.h"
#include "support/fake_gemini_script.h"
#include "support/fake_gemini_wire.h"

namespace gc::test::fake {

enum class Form { kUnary, kSse, kArray, kRaw };  // kRaw: frames are written as they are

using Headers = std::vector<std::pair<std::string, std::string>>;

// One per request. All that it refers to must outlive it.
class Player {
 public:
  struct Ids {
    int64_t connection = 0;
    int64_t request = 0;
  };
  Player(Connection* connection, Journal* journal, Doors* doors, Ids ids, const Script& script, std::string key,
         bool client_takes_gzip);

  // Each plays one whole answer and says whether the connection may serve another request.
  bool PlayFailure(Failure failure, Form form);
  bool PlayBody(int status, Headers headers, std::string body);
  bool PlayFrames(int status, Headers headers, Form form, int64_t count,
                  const std::function<std::string(int64_t)>& frame);

 private:
  bool BeginAnswer();        // what happens before the status line; false = the connection is over
  bool Pass(int64_t point);  // holds, silence and resets at a point of the answer
  bool Hold(const std::string& name, int64_t point);
  bool Sleep(int64_t ms);
  bool SendHead(int status, const Headers& headers, BodyOptions* options, size_t body_bytes);
  bool SendFrame(BodyWriter* writer, Form form, int64_t k, std::string frame);
  bool SendMidstreamError(BodyWriter* writer, Form form, int64_t k);
  bool EndFrames(BodyWriter* writer, Form form, int64_t sent);
  bool Check(BodyWriter::Outcome outcome);
  bool ClientClosed();  // logs it; always false
  std::string Spoil(std::string json, int64_t k) const;
  Failure Scripted(Failure failure) const;
  void Log(std::string_view type, int64_t value = 0, std::string_view detail = {});

  Connection* connection_;
  Journal* journal_;
  Doors* doors_;
  Ids ids_;
  const Script& script_;
  std::string key_;
  bool client_takes_gzip_;
  int64_t frames_sent_ = 0;
};

// The failure that a script asks for in place of an answer; nullopt when it asks for none.
std::optional<Failure> ScriptedFailure(const Script& script, std::string_view model);

}  // namespace gc::test::fake
