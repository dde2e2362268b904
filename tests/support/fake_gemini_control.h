// fake_gemini_control.h: the /__fake/ paths, by which a test outside the process steers and reads the fake.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "support/fake_gemini_wire.h"

namespace gc::test::fake {

struct State;

struct ControlReply {
  int status = 200;
  std::string body;  // JSON
};

ControlReply ServeControl(State* state, const HttpRequest& request);

}  // namespace gc::test::fake
