// router.h: which protocol and operation a method and path mean: one table.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "handler/api_error.h"
#include "handler/http.h"

namespace gc {

enum class Operation {
  kChatCompletions,
  kMessages,
  kCountTokens,
  kListModels,
  kGetModel,
  kNative,  // everything under /v1beta/: passed through
  kHealth,
  kLive,
  kReady,
  kNotImplemented,  // a path that clients know and this version does not serve
};

// What the path was matched to.
struct Route {
  enum class Found { kYes, kNoPath, kWrongMethod };
  Found found = Found::kNoPath;
  Operation operation = Operation::kNotImplemented;
  ErrorShape shape = ErrorShape::kOpenAi;  // also of the 404 and 405
  std::string_view client_type;            // openai | claude | gemini | unknown, as in request_logs
  std::string endpoint;                    // route pattern for the log; "unmatched" when there is none
  std::string id;                          // what {id} stands for
  std::string allow;                       // kWrongMethod: the Allow header
};

Route MatchRoute(const HttpRequest& request);

}  // namespace gc
