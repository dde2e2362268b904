// sha256.h: SHA-256 of what comes in pieces.
// SPDX-License-Identifier: MIT
#pragma once

#include <nettle/sha2.h>

#include <string>
#include <string_view>

namespace gc {

class Sha256 {
 public:
  Sha256() { sha256_init(&context_); }
  void Update(std::string_view bytes);
  // 64 hex digits of all that came; begins anew.
  std::string Hex();

 private:
  sha256_ctx context_;
};

}  // namespace gc
