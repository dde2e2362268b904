// call_ids.h: the ids of one conversation's tool calls, as clients get them.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace gc {

// One per request; not thread-safe.
class CallIds {
 public:
  // An id that the history holds already.
  void Note(std::string_view id);
  // Gemini's id when clients can live with it and this conversation has not used it yet, else `prefix` and 24 letters.
  std::string Take(std::string_view gemini_id, std::string_view prefix, Clock& clock);

 private:
  std::vector<size_t> used_;  // hashes: a collision only costs an id of ours
};

}  // namespace gc
