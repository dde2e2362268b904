// key_hash.cc: HMAC of API keys, by nettle.
// SPDX-License-Identifier: MIT
#include "base/key_hash.h"

#include <fcntl.h>
#include <nettle/hmac.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace gc {

Result<KeyHasher> KeyHasher::Load(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return Error{ErrorKind::kConfig, "secret.salt_file " + path + ": " + std::strerror(errno) +
                                         "; make it with: head -c 32 /dev/urandom > " + path};
  }
  KeyHasher hasher;
  uint8_t one_more = 0;
  const bool exact = read(fd, hasher.salt_.data(), kSaltBytes) == ssize_t{kSaltBytes} && read(fd, &one_more, 1) == 0;
  close(fd);
  if (!exact) return Error{ErrorKind::kConfig, "secret.salt_file " + path + ": must hold exactly 32 bytes"};
  return hasher;
}

std::string KeyHasher::Hash(std::string_view key) const {
  constexpr std::string_view kLabel = "key-id:v1:";
  hmac_sha256_ctx context;
  hmac_sha256_set_key(&context, kSaltBytes, salt_.data());
  hmac_sha256_update(&context, kLabel.size(), reinterpret_cast<const uint8_t*>(kLabel.data()));
  hmac_sha256_update(&context, key.size(), reinterpret_cast<const uint8_t*>(key.data()));
  std::array<uint8_t, 16> digest{};
  hmac_sha256_digest(&context, digest.size(), digest.data());
  explicit_bzero(&context, sizeof context);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  for (const uint8_t b : digest) {
    hex += kHex[b >> 4];
    hex += kHex[b & 15];
  }
  return hex;
}

}  // namespace gc
