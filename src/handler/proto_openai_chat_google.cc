// proto_openai_chat_google.cc: thinking_config, cached_content and safety_settings.
// SPDX-License-Identifier: MIT
#include "handler/proto_openai_chat_google.h"

namespace gc {
namespace {

using json::Value;

void ReadThinking(const Fields& google, OpenAiChatGoogle* read) {
  const Value* thinking = google.Object("thinking_config");
  if (thinking == nullptr) return;
  const FieldPath path = google.Path("thinking_config");
  const Fields fields(*thinking, path, google.error());
  read->thinking_level = fields.String("thinking_level");
  read->thinking_budget = fields.Int("thinking_budget");
  read->include_thoughts = fields.Bool("include_thoughts");
  if (read->thinking_level && read->thinking_budget) {
    google.error()->Invalid(path, "takes thinking_level or thinking_budget, not both");
  }
}

void ReadSafety(const Fields& google, OpenAiChatGoogle* read) {
  const Value* settings = google.Array("safety_settings");
  if (settings == nullptr) return;
  read->safety_settings = settings;
  const FieldPath path = google.Path("safety_settings");
  for (size_t i = 0; i < settings->Items().size(); ++i) {
    const FieldPath at = path.Index(i);
    const Fields fields(settings->Items()[i], at, google.error());
    fields.RequiredString("category");
    fields.RequiredString("threshold");
  }
}

void ReadGoogle(const Fields& parent, OpenAiChatGoogle* read) {
  const Value* object = parent.Object("google");
  if (object == nullptr) return;
  const FieldPath path = parent.Path("google");
  const Fields google(*object, path, parent.error());
  ReadThinking(google, read);
  ReadSafety(google, read);
  const auto cached = google.String("cached_content");
  if (!cached) return;
  read->cached_content = *cached;
  if (!cached->starts_with("cachedContents/")) {
    parent.error()->Invalid(path.Key("cached_content"), "must be the name of a cache (cachedContents/...)");
  }
}

}  // namespace

OpenAiChatGoogle ReadOpenAiChatGoogle(const Fields& request) {
  OpenAiChatGoogle read;
  if (const Value* extra = request.Any("extra_body"); extra != nullptr && extra->IsObject()) {
    const FieldPath path = request.Path("extra_body");
    ReadGoogle(Fields(*extra, path, request.error()), &read);
  }
  ReadGoogle(request, &read);
  return read;
}

}  // namespace gc
