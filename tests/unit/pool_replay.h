// pool_replay.h: plays a golden vector that has several keys.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "base/json.h"

namespace gc {

// A chat whose calls go out with the keys that a real pool chooses. The vector says in which order it wants them: the
// conversation is one that prefers them so. Empty: it went as the vector says.
std::string RunWithKeys(const json::Value& vector);

}  // namespace gc
