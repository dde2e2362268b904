// access.h: who may come in: takes the caller's Gemini keys out of a request.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "handler/api_error.h"
#include "handler/http.h"

namespace gc {

// The keys of one request, in the caller's order, without duplicates. Wiped when destroyed.
class Credentials {
 public:
  Credentials() = default;
  ~Credentials();
  Credentials(Credentials&&) = default;
  Credentials& operator=(Credentials&&) = default;

  const std::vector<std::string>& keys() const { return keys_; }
  void Add(std::string key);

 private:
  std::vector<std::string> keys_;
};

// Precedence: x-goog-api-key (then ?key=) on native paths, x-api-key on Anthropic's, else Authorization: Bearer; the
// others as fallback. A value is a list of keys with commas and no blanks: "K1, K2" is what a server makes of a header
// that came twice, and is refused. The values in `request` are wiped; the query loses its credentials.
// Errors: kMissingCredential, kBadCredential.
Result<Credentials, ApiError> TakeCredentials(ErrorShape shape, HttpRequest* request);

}  // namespace gc
