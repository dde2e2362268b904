// access.cc: finds, splits and wipes credentials.
// SPDX-License-Identifier: MIT
#include "handler/access.h"

#include <string.h>

#include <algorithm>
#include <array>

namespace gc {
namespace {

constexpr size_t kMaxKeys = 256;
constexpr std::string_view kQueryNames[] = {"key", "api_key", "access_token"};

enum class Place { kGoogHeader, kQuery, kApiKeyHeader, kBearer };

void Wipe(std::string* text) {
  explicit_bzero(text->data(), text->size());
  text->clear();
}

std::string TakeHeader(std::string_view name, HttpRequest* request) {
  for (auto& [n, value] : request->headers) {
    if (n != name) continue;
    std::string taken = value;
    Wipe(&value);
    return taken;
  }
  return {};
}

std::string TakeBearer(HttpRequest* request) {
  std::string value = TakeHeader("authorization", request);
  constexpr std::string_view kScheme = "bearer ";
  const bool bearer = value.size() > kScheme.size() &&
                      std::equal(kScheme.begin(), kScheme.end(), value.begin(), [](char want, char got) {
                        return want == (got >= 'A' && got <= 'Z' ? got + 32 : got);
                      });
  return bearer ? value.substr(kScheme.size()) : std::string();
}

// Takes key=, api_key= and access_token= out of the query. *count: how many there were.
std::string TakeQuery(HttpRequest* request, int* count) {
  std::string rest;
  std::string found;
  std::string_view query = request->query;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string name = PercentDecode(pair.substr(0, equals)).value_or("");  // Google takes k%65y= for key=
    if (std::find(std::begin(kQueryNames), std::end(kQueryNames), name) != std::end(kQueryNames)) {
      ++*count;
      found = PercentDecode(pair.substr(std::min(pair.size(), equals + 1))).value_or("%");
    } else if (!pair.empty()) {
      rest.append(rest.empty() ? "" : "&").append(pair);
    }
  }
  Wipe(&request->query);
  request->query = std::move(rest);
  return found;
}

bool IsKeyByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

ApiError BadCredential(std::string message) { return {ApiErrorKind::kBadCredential, std::move(message), "", 0}; }

Result<Credentials, ApiError> Split(std::string_view list) {
  Credentials credentials;
  for (;;) {
    const size_t comma = list.find(',');
    const std::string_view key = list.substr(0, comma);
    if (key.empty() || !std::all_of(key.begin(), key.end(), IsKeyByte)) {
      return BadCredential(
          "The API key is malformed: one key, or several separated by commas without blanks, in one header");
    }
    credentials.Add(std::string(key));
    if (credentials.keys().size() > kMaxKeys) {
      return BadCredential("More than " + std::to_string(kMaxKeys) + " API keys in one request");
    }
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return credentials;
}

std::array<Place, 4> Order(ErrorShape shape) {
  switch (shape) {
    case ErrorShape::kGemini:
      return {Place::kGoogHeader, Place::kQuery, Place::kBearer, Place::kApiKeyHeader};
    case ErrorShape::kAnthropic:
      return {Place::kApiKeyHeader, Place::kBearer, Place::kGoogHeader, Place::kQuery};
    case ErrorShape::kOpenAi:
      break;
  }
  return {Place::kBearer, Place::kGoogHeader, Place::kApiKeyHeader, Place::kQuery};
}

}  // namespace

Credentials::~Credentials() {
  for (std::string& key : keys_) Wipe(&key);
}

void Credentials::Add(std::string key) {
  if (std::find(keys_.begin(), keys_.end(), key) == keys_.end()) keys_.push_back(std::move(key));
}

Result<Credentials, ApiError> TakeCredentials(ErrorShape shape, HttpRequest* request) {
  int in_query = 0;
  std::array<std::string, 4> found;  // by Place
  found[static_cast<size_t>(Place::kGoogHeader)] = TakeHeader("x-goog-api-key", request);
  found[static_cast<size_t>(Place::kApiKeyHeader)] = TakeHeader("x-api-key", request);
  found[static_cast<size_t>(Place::kBearer)] = TakeBearer(request);
  found[static_cast<size_t>(Place::kQuery)] = TakeQuery(request, &in_query);
  Result<Credentials, ApiError> result =
      ApiError{ApiErrorKind::kMissingCredential,
               "No API key: send your Gemini API key as Authorization: Bearer, x-api-key or x-goog-api-key", "", 0};
  for (const Place place : Order(shape)) {
    const std::string& value = found[static_cast<size_t>(place)];
    if (value.empty()) continue;
    result = Split(value);
    break;
  }
  if (in_query > 1) result = BadCredential("The API key occurs more than once in the query");
  for (std::string& value : found) Wipe(&value);
  return result;
}

}  // namespace gc
