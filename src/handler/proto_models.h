// proto_models.h: Gemini's models as OpenAI's and Anthropic's clients list them (GET /v1/models, /v1/models/{id}).
// Sources: the Model types of both npm packages; Gemini's models.list reference. Any thread.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "handler/api_error.h"
#include "handler/models.h"

namespace gc {

// The list, complete on one page, from all of Gemini's pages. Left out is what the client's API cannot call: OpenAI's
// has generation and embeddings, Anthropic's generation only. Behind them the aliases whose target is among them. A
// shape other than Anthropic's is OpenAI's.
std::string ModelListBody(ErrorShape shape, const std::vector<json::Document>& pages,
                          const ModelAliases* aliases = nullptr);
// One model, from Gemini's resource, under the name that the client gave it.
std::string ModelBody(ErrorShape shape, const json::Value& model, std::string_view id);

}  // namespace gc
