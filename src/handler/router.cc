// router.cc: the table of routes.
// The paths that the web server hands to the gateway are, as one regular expression that conf/ repeats:
//   ^/(v1|v1beta|upload/v1beta|health|livez|readyz)(/|$)
// SPDX-License-Identifier: MIT
#include "handler/router.h"

#include <array>

namespace gc {
namespace {

struct Row {
  std::string_view methods;  // separated by blanks; "*": any
  std::string_view pattern;  // {id}: the rest of the path, '/' included
  ErrorShape shape;
  Operation operation;
};

constexpr Row kRows[] = {
    {"POST", "/v1/chat/completions", ErrorShape::kOpenAi, Operation::kChatCompletions},
    {"GET", "/v1/models", ErrorShape::kOpenAi, Operation::kListModels},
    {"GET", "/v1/models/{id}", ErrorShape::kOpenAi, Operation::kGetModel},
    {"POST", "/v1/completions", ErrorShape::kOpenAi, Operation::kNotImplemented},
    {"POST", "/v1/embeddings", ErrorShape::kOpenAi, Operation::kNotImplemented},
    {"POST", "/v1/responses", ErrorShape::kOpenAi, Operation::kNotImplemented},
    {"*", "/v1/responses/{id}", ErrorShape::kOpenAi, Operation::kNotImplemented},
    {"POST", "/v1/messages/count_tokens", ErrorShape::kAnthropic, Operation::kCountTokens},
    {"POST", "/v1/messages", ErrorShape::kAnthropic, Operation::kMessages},
    {"*", "/v1beta/{id}", ErrorShape::kGemini, Operation::kNative},
    {"*", "/upload/v1beta/{id}", ErrorShape::kGemini, Operation::kNotImplemented},
    {"GET HEAD", "/health", ErrorShape::kOpenAi, Operation::kHealth},
    {"GET HEAD", "/livez", ErrorShape::kOpenAi, Operation::kLive},
    {"GET HEAD", "/readyz", ErrorShape::kOpenAi, Operation::kReady},
};

// Native methods that are called often enough to be told apart in the log; any other path is one endpoint.
constexpr std::string_view kModelMethods[] = {"generateContent", "streamGenerateContent", "countTokens", "embedContent",
                                              "batchEmbedContents"};

bool MatchesPattern(std::string_view pattern, std::string_view path, std::string* id) {
  constexpr std::string_view kId = "{id}";
  if (!pattern.ends_with(kId)) return pattern == path;
  pattern.remove_suffix(kId.size());
  if (!path.starts_with(pattern) || path.size() == pattern.size()) return false;
  *id = path.substr(pattern.size());
  return true;
}

bool AllowsMethod(std::string_view methods, std::string_view method) {
  if (methods == "*") return true;
  while (!methods.empty()) {
    const size_t blank = methods.find(' ');
    if (methods.substr(0, blank) == method) return true;
    if (blank == std::string_view::npos) break;
    methods.remove_prefix(blank + 1);
  }
  return false;
}

// The protocol that a client of this path expects errors in, also where nothing is served.
ErrorShape ShapeOfPath(const HttpRequest& request) {
  if (request.path.starts_with("/v1beta") || request.path.starts_with("/upload")) return ErrorShape::kGemini;
  if (request.path.starts_with("/v1/messages")) return ErrorShape::kAnthropic;
  const bool anthropic = !request.Header("anthropic-version").empty() || !request.Header("x-api-key").empty();
  return anthropic ? ErrorShape::kAnthropic : ErrorShape::kOpenAi;
}

std::string NativeEndpoint(std::string_view id) {
  if (id.starts_with("models/")) {
    const size_t colon = id.rfind(':');
    for (const std::string_view method : kModelMethods) {
      if (colon != std::string_view::npos && id.substr(colon + 1) == method) {
        return "/v1beta/models/{model}:" + std::string(method);
      }
    }
  }
  return "/v1beta/*";
}

std::string_view ClientType(ErrorShape shape) {
  switch (shape) {
    case ErrorShape::kOpenAi:
      return "openai";
    case ErrorShape::kAnthropic:
      return "claude";
    case ErrorShape::kGemini:
      return "gemini";
  }
  return "unknown";
}

}  // namespace

Route MatchRoute(const HttpRequest& request) {
  Route route;
  route.shape = ShapeOfPath(request);
  route.client_type = "unknown";
  route.endpoint = "unmatched";
  for (const Row& row : kRows) {
    std::string id;
    if (!MatchesPattern(row.pattern, request.path, &id)) continue;
    // Models are one path for OpenAI's and Anthropic's clients: the headers told them apart above.
    const bool shared = row.operation == Operation::kListModels || row.operation == Operation::kGetModel;
    if (!shared) route.shape = row.shape;
    route.client_type = ClientType(route.shape);
    route.endpoint = row.operation == Operation::kNative ? NativeEndpoint(id) : std::string(row.pattern);
    route.operation = row.operation;
    route.id = std::move(id);
    route.found = AllowsMethod(row.methods, request.method) ? Route::Found::kYes : Route::Found::kWrongMethod;
    if (route.found == Route::Found::kWrongMethod) {
      for (const char c : row.methods) route.allow.append(c == ' ' ? ", " : std::string(1, c));
    }
    break;
  }
  return route;
}

}  // namespace gc
