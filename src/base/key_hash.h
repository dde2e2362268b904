// key_hash.h: the only form in which an API key may rest on disk.
// key_hash = first 32 hex digits of HMAC-SHA256(salt, "key-id:v1:" + key); the salt is made at installation.
// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gc {

class KeyHasher {
 public:
  static constexpr size_t kSaltBytes = 32;

  // Errors: kConfig, with the path, when the file is missing, unreadable or not exactly kSaltBytes long. There is no
  // fallback: an unsalted hash of a key could be tried against lists of leaked keys.
  static Result<KeyHasher> Load(const std::string& path);

  // 32 lower-case hex digits. Any thread.
  std::string Hash(std::string_view key) const;

 private:
  std::array<uint8_t, kSaltBytes> salt_{};
};

}  // namespace gc
