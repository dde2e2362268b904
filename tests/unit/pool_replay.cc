// pool_replay.cc: a real pool of keys between a golden vector's client and its upstream.
// SPDX-License-Identifier: MIT
#include "pool_replay.h"

#include "base/pacific.h"
#include "chat_replay.h"
#include "key_pool_fixture.h"
#include "vector_compare.h"

namespace gc {
namespace {

using json::Value;

// A conversation whose favourites among the keys are in this order; empty: none was found.
std::string ConversationFor(PoolHost* host, const std::vector<std::string>& keys, const std::string& model) {
  for (int i = 0; i < 1000; ++i) {
    const std::string conversation = "conversation " + std::to_string(i);
    PoolRequest request = host->Request(keys);
    bool in_order = true;
    for (const std::string& key : keys) {
      if (request->Take({.model = model, .body = {}, .conversation = conversation})) return {};
      in_order = in_order && request->key() == key;
      request->Broke("unreachable", KeyRing::Sent::kNo, 0, {});
    }
    if (in_order) return conversation;
  }
  return {};
}

std::string CompareCall(VectorCompare* compare, const Value& expected, const gemini::Request& sent,
                        const std::string& key) {
  if (key != At(expected, "key").Text()) return "called with " + key;
  if ("/v1beta/models/" + sent.model + ":generateContent" != At(expected, "path").Text()) return "path";
  const auto body = json::Document::Parse(sent.body);
  return body.ok() ? compare->Request(At(expected, "body"), body->root()) : body.error().message;
}

std::string CompareReply(VectorCompare* compare, const Value& expected, const Reply& reply) {
  if (reply.status != At(expected, "status").Int()) return "status " + std::to_string(reply.status);
  const auto body = json::Document::Parse(reply.body);
  return body.ok() ? compare->Answer(At(expected, "body"), body->root()) : body.error().message;
}

// All keys said no: what the client gets, until midnight in California.
std::string CompareExhausted(VectorCompare* compare, const Value& expected, const ApiError& error, int64_t now_s) {
  const std::string headers = R"({"retry-after":")" + std::to_string(error.retry_after_s) + R"(","x-should-retry":")" +
                              (RetryIsPointless(error.kind) ? "false" : "true") + "\"}";
  const auto actual = json::Document::Parse(headers);
  if (auto why = compare->Answer(At(expected, "headers"), actual->root()); !why.empty()) return why;
  if (now_s + error.retry_after_s != NextPacificMidnight(now_s)) return headers;
  return CompareReply(compare, expected, ErrorReply(error));
}

}  // namespace

std::string RunWithKeys(const Value& vector) {
  std::vector<std::string> keys;
  for (const Value& key : At(vector, "keys").Items()) keys.emplace_back(key.Text());
  const std::string request_body = json::ToText(At(At(vector, "client_request"), "body"));
  const auto parsed = ParseChat(request_body);
  if (!parsed.ok()) return parsed.error().message;
  PoolHost host;
  const std::string conversation = ConversationFor(&host, keys, parsed->model);
  if (conversation.empty()) return "no conversation prefers the keys in this order";
  const CallSubject subject{.model = parsed->model, .body = parsed->body, .conversation = conversation};

  const Value& expected = At(vector, "client_response");
  PoolRequest request = host.Request(keys);
  VectorCompare compare;
  for (const Value& call : At(vector, "upstream").Items()) {
    if (const auto none = request->Take(subject)) return none->message;
    if (auto why = CompareCall(&compare, At(call, "request"), *parsed, request->key()); !why.empty()) return why;
    const auto status = static_cast<int>(At(At(call, "response"), "status").Int().value_or(0));
    const std::string answer = json::ToText(At(At(call, "response"), "body"));
    if (status == 200) return CompareReply(&compare, expected, ReplayUnary(request_body, status, answer));
    if (request->Refused(gemini::ReadFailure(answer, status)) != NextStep::kOtherKey) return "no other key is tried";
  }
  const auto none_left = request->Take(subject);
  return none_left ? CompareExhausted(&compare, expected, *none_left, host.clock_.UnixS()) : "one call more";
}

}  // namespace gc
