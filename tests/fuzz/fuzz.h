// fuzz.h: what holds for any input: the targets of `make fuzz`, which the unit tests run on known inputs.
// An input is the bytes themselves; where a target needs more than one text, they are its lines.
// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gc::fuzz {

// Each returns what does not hold; empty: all does. Any thread, any bytes, no state.
// Line 1: the lengths of the pieces in which the rest arrives, one per byte.
std::string CheckSse(std::string_view input);
std::string CheckJson(std::string_view input);
// The body of a request.
std::string CheckChat(std::string_view input);
std::string CheckAnthropic(std::string_view input);
// Line 1: the body of a request. Each line after it: an event of Gemini's answer to it.
std::string CheckChatAnswer(std::string_view input);
std::string CheckAnthropicAnswer(std::string_view input);
std::string CheckToolSchema(std::string_view input);
std::string CheckConfig(std::string_view input);

struct Target {
  std::string_view name;
  std::string (*check)(std::string_view input);
};

std::span<const Target> Targets();
// Null when there is none of that name.
const Target* FindTarget(std::string_view name);

// Inputs to begin with, from the golden vectors, the tests' schemas and the sample configuration. Throws
// std::runtime_error when a vector cannot be read.
std::vector<std::string> Seeds(std::string_view target);

// The text before the first LF, which goes too.
std::string_view TakeLine(std::string_view* text);

}  // namespace gc::fuzz
