// request_check.cc: judges a request as strictly as the fake Gemini does.
// SPDX-License-Identifier: MIT
#include "fuzz/request_check.h"

#include "base/json.h"
#include "support/fake_gemini_fields.h"

namespace gc::fuzz {

namespace fake = test::fake;

std::string CheckOutcome(ErrorShape shape, const Result<gemini::Request, ApiError>& outcome, Words words) {
  if (!outcome.ok()) {
    if (outcome.error().message.empty()) return "refused without a reason";
    const int status = HttpStatus(shape, outcome.error().kind);
    if (status < 400 || status > 599) return "refused with status " + std::to_string(status);
    return json::Document::Parse(ErrorBody(shape, outcome.error(), "id")).ok() ? "" : "a refusal that is not JSON";
  }
  if (!gemini::IsModelName(outcome->model)) return "no model name: " + outcome->model;
  const auto body = json::Document::Parse(outcome->body);
  if (!body.ok()) return "not JSON: " + body.error().message + "\n" + outcome->body;
  if (!body->root().IsObject()) return "no object: " + outcome->body;
  const auto violations = fake::CheckFields(fake::BodyKind::kGenerateContent, body->root());
  if (words == Words::kClients || violations.empty()) return {};
  return "Gemini refuses it: " + violations.front().description + "\n" + outcome->body;
}

}  // namespace gc::fuzz
