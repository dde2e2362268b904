// proto_models.h: Gemini's models as OpenAI's and Anthropic's clients list them (GET /v1/models, /v1/models/{id}).
// Sources: the Model types of both npm packages; Gemini's models.list reference. Any thread.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "handler/api_error.h"
#include "handler/models.h"

namespace gc {

// The part of the list that an Anthropic client asks for.
struct ModelPage {
  size_t limit = 0;       // 0: no limit
  std::string before_id;  // what stands right before it; empty: none
  std::string after_id;   // what stands right behind it
};

// Reads limit, before_id and after_id; OpenAI's clients know no pages. Errors: kInvalidRequest.
Result<ModelPage, ApiError> ReadModelPage(ErrorShape shape, std::string_view query);

// The list, complete unless `page` says less, from all of Gemini's pages. Left out is what the client's API cannot
// call: OpenAI's has generation and embeddings, Anthropic's generation only. Behind them the aliases whose target is
// among them. A shape other than Anthropic's is OpenAI's. Errors: kInvalidRequest when an id of `page` is not in the
// list.
Result<std::string, ApiError> ModelListBody(ErrorShape shape, const std::vector<json::Document>& pages,
                                            const ModelAliases* aliases = nullptr, const ModelPage& page = {});
// One model, from Gemini's resource, under the name that the client gave it.
std::string ModelBody(ErrorShape shape, const json::Value& model, std::string_view id);

}  // namespace gc
