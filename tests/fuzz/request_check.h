// request_check.h: what holds for the requests to Gemini that protocols make of their clients'.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "base/result.h"
#include "handler/api_error.h"
#include "handler/gemini.h"

namespace gc::fuzz {

// Whose words stand in the request.
enum class Words { kOurs, kClients };

// A refusal is one that can be sent; a request is JSON, calls a model, and holds only fields that Gemini knows, of the
// types that it wants. With the client's own words in it, which are sent on unread, the last is not asked for.
std::string CheckOutcome(ErrorShape shape, const Result<gemini::Request, ApiError>& outcome, Words words);

}  // namespace gc::fuzz
