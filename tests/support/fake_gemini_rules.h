// fake_gemini_rules.h: what Gemini refuses in a request whose fields are well formed.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "support/fake_gemini_error.h"
#include "support/fake_gemini_models.h"

namespace gc::test::fake {

// Contents, turns, tools, signatures and generationConfig of a generateContent request.
std::optional<Failure> CheckRequest(const Model& model, const json::Value& root);
std::optional<Failure> CheckCountTokens(const Model& model, const json::Value& root);
std::optional<Failure> CheckEmbed(const Model& model, const json::Value& root);
std::optional<Failure> CheckBatchEmbed(const Model& model, const json::Value& root);

// The signature that the fake gives to a part: base64, first byte 0x12. It names its owner (the function's name, or
// "text"), so that one on the wrong part is found out.
std::string MakeSignature(std::string_view owner);

// Does the content hold anything but function responses (and so begin a new turn)?
bool HasOrdinaryPart(const json::Value& content);

}  // namespace gc::test::fake
