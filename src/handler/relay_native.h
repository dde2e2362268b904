// relay_native.h: passes native Gemini requests through: bodies of 2xx answers byte for byte, error bodies with the
// caller's keys masked, headers by allow-list. Reads along, so that the log has tokens and a cut stream does not look
// complete.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "handler/exchange.h"

namespace gc {

// What the path of a native request says.
struct NativeTarget {
  std::string model;       // of models/{model}:{method}; empty for other paths
  std::string method;      // after the colon
  bool is_stream = false;  // streamGenerateContent
  bool is_sse = false;     // with alt=sse, else one JSON array
  bool is_unary = false;   // generateContent and its like: one JSON answer
};

// Reads `path_id`, the part after /v1beta/, and the query. Errors: kNotFound when it may not go upstream.
Result<NativeTarget, ApiError> ReadNativeTarget(std::string_view path_id, std::string_view query);

// Answers the client in every case; what happened stands in *exchange.
void RelayNative(Exchange* exchange, std::string_view path_id, const NativeTarget& target);

}  // namespace gc
