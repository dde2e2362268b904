// fake_gemini_error.h: Google's error answers, byte for byte in shape: code, message, status and details.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gc::test::fake {

struct Failure {
  int http = 500;
  std::string status;  // "INVALID_ARGUMENT"
  std::string message;
  std::string details;  // JSON array text, empty = none
};

struct Violation {
  std::string field;  // "generation_config"
  std::string description;
};

Failure InvalidArgument(std::string message);
// Several field violations as Google's JSON front end reports them: one message line each, BadRequest details.
Failure BadRequest(const std::vector<Violation>& violations);
Failure NotFound(std::string message);
// Any status as plain failure ("status=503"), message and status name by Google's custom.
Failure ByHttpStatus(int http);
// A named failure: what keys ("AIza…-rpd") and directives ("error=rpd") ask for; nullopt for an unknown name.
//   invalid expired suspended leaked disabled location rpm tpm rpd zero nodetail overloaded internal deadline
//   context payload retired
std::optional<Failure> Named(std::string_view name, std::string_view model);
// The name that a key carries behind a dash, or nullopt: "test-key-rpd-1" -> rpd.
std::optional<std::string_view> NameInKey(std::string_view key);

// {"error":{…}} in Google's pretty-printed form.
std::string Body(const Failure& failure);
// The same in one line, for SSE frames.
std::string CompactBody(const Failure& failure);

}  // namespace gc::test::fake
