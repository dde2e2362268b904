// key_hash_test.cc: the keyed hash of API keys against values that OpenSSL computed.
// SPDX-License-Identifier: MIT
#include "base/key_hash.h"

#include <gtest/gtest.h>

#include <string>

#include "support/temp_dir.h"

namespace gc {
namespace {

std::string Salt(size_t bytes) {
  std::string salt;
  for (size_t i = 0; i < bytes; ++i) salt += static_cast<char>(i);
  return salt;
}

// printf 'key-id:v1:KEY' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102...1f
TEST(KeyHasher, KnownValues) {
  const TempDir dir;
  const auto hasher = KeyHasher::Load(dir.Write("key.salt", Salt(32)));
  ASSERT_TRUE(hasher.ok()) << hasher.error().message;
  EXPECT_EQ(hasher->Hash("AIzaSyTest"), "65093540fa23eef55d13570bd5d41edc");
  EXPECT_EQ(hasher->Hash(""), "1da67ef47fc2957300fe74df93da0995");
  EXPECT_EQ(hasher->Hash("k,\xC3\xA9"), "55e447dec72699503692006953d21bf6");
  EXPECT_EQ(hasher->Hash("AIzaSyTest"), hasher->Hash("AIzaSyTest"));
}

TEST(KeyHasher, AnotherSaltGivesAnotherHash) {
  const TempDir dir;
  std::string other = Salt(32);
  other.back() ^= 1;
  const auto hasher = KeyHasher::Load(dir.Write("key.salt", other));
  ASSERT_TRUE(hasher.ok());
  EXPECT_NE(hasher->Hash("AIzaSyTest"), "65093540fa23eef55d13570bd5d41edc");
}

TEST(KeyHasher, RefusesAnythingButA32ByteFile) {
  const TempDir dir;
  const struct {
    const char* name;
    std::string path;
  } cases[] = {
      {"empty", dir.Write("empty", "")},
      {"31 bytes", dir.Write("short", Salt(31))},
      {"33 bytes", dir.Write("long", Salt(33))},
      {"hexadecimal text", dir.Write("hex", std::string(64, 'a') + "\n")},
      {"missing", dir.Path("none")},
      {"a directory", dir.path()},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto hasher = KeyHasher::Load(c.path);
    ASSERT_FALSE(hasher.ok());
    EXPECT_EQ(hasher.error().kind, ErrorKind::kConfig);
    EXPECT_NE(hasher.error().message.find("secret.salt_file " + c.path), std::string::npos) << hasher.error().message;
  }
}

}  // namespace
}  // namespace gc
