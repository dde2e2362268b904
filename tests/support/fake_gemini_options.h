// fake_gemini_options.h: what Gemini refuses in tools, toolConfig and generationConfig.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "base/json.h"
#include "support/fake_gemini_error.h"
#include "support/fake_gemini_models.h"

namespace gc::test::fake {

std::optional<Failure> CheckToolsAndConfig(const Model& model, const json::Value& root);

}  // namespace gc::test::fake
