// key_pool_fixture.h: requests with keys on a real state database, and processes that come and go on it.
// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "handler/key_pool.h"
#include "unit/store_fixture.h"

namespace gc {

inline constexpr char kPoolModel[] = "gemini-9-flash";

// The keys of one request; the ring refers to them.
struct PoolRequest {
  PoolRequest(KeyPool* pool, const std::vector<std::string>& keys) {
    for (const std::string& key : keys) credentials.Add(key);
    ring.emplace(pool, credentials, 0);
  }
  PoolRequest(const PoolRequest&) = delete;
  PoolRequest& operator=(const PoolRequest&) = delete;
  KeyRing* operator->() { return &*ring; }

  Credentials credentials;
  std::optional<KeyRing> ring;
};

// A state database, and the process that has it open.
class PoolHost {
 public:
  // 2026-11-24 22:00:00 UTC is 14:00 in California: ten hours before midnight.
  static constexpr int64_t kNow = 1795557600;
  static constexpr int64_t kToMidnight = 36'000;

  PoolHost() {
    clock_.unix_s = kNow;
    Start();
  }

  // A process with this configuration, after the one before has ended, on the database that is there.
  void Start(const std::map<std::string, std::string>& config = {}) {
    End();
    std::string text;
    for (const auto& [key, value] : config) text += key + " = " + value + "\n";
    config_.emplace(*Config::Load(dir_.Write("gemini-code.properties", text)));
    const auto up = store::Up(path_, store::Database::kState, store::DryRun::kNo, "test", 5000);
    if (!up.ok()) throw std::runtime_error(up.error().message);
    keeper_.emplace(path_, store::WriteTime::kAtStop, clock_);
    pool_.emplace(*config_, clock_, hasher_, *keeper_);
  }
  // Likewise on a database of its own.
  void StartAnew(const std::map<std::string, std::string>& config = {}) {
    End();
    for (const char* end : {"", "-wal", "-shm"}) unlink((path_ + end).c_str());
    Start(config);
  }
  // Whatever it had to remember is written then.
  void End() {
    pool_.reset();
    keeper_.reset();
  }

  // Outlived by the process.
  PoolRequest Request(const std::vector<std::string>& keys) { return {&*pool_, keys}; }

  static CallSubject About(std::string_view conversation, std::string_view body = {}) {
    return {.model = kPoolModel, .body = body, .conversation = conversation};
  }

  // The key that a call would go out with; empty: none would do.
  std::string KeyFor(const std::vector<std::string>& keys, const CallSubject& subject) {
    PoolRequest request = Request(keys);
    if (request->Take(subject)) return {};
    request->Broke("unreachable", KeyRing::Sent::kNo, 0, {});
    return request->key();
  }
  // For each of `count` conversations.
  std::vector<std::string> KeysOfConversations(const std::vector<std::string>& keys, int count) {
    std::vector<std::string> chosen;
    for (int i = 0; i < count; ++i) chosen.push_back(KeyFor(keys, About("conversation " + std::to_string(i))));
    return chosen;
  }

  std::string HashOf(const std::string& key) const { return hasher_.Hash(key); }
  store::Quota OpenQuota() const {
    auto quota = store::Quota::Open(path_, 5000);
    if (!quota.ok()) throw std::runtime_error(quota.error().message);
    return std::move(*quota);
  }
  store::KeyQuota Read(const std::string& key) {
    const auto read = OpenQuota().Read(std::vector{HashOf(key)}, kPoolModel, store::WindowsAt(clock_.UnixS()));
    if (!read.ok()) throw std::runtime_error(read.error().message);
    return read->front();
  }
  void Apply(const std::vector<store::QuotaChange>& changes) {
    const Status s = OpenQuota().Apply(changes, clock_.UnixS());
    ASSERT_TRUE(s.ok()) << s.error().message;
  }
  void Use(const std::string& key, int64_t requests, int64_t tokens) {
    Apply({{.kind = store::QuotaChange::Kind::kUse,
            .subject = HashOf(key),
            .model = kPoolModel,
            .windows = store::WindowsAt(clock_.UnixS()),
            .requests = requests,
            .tokens = tokens}});
  }
  void Cool(const std::string& key, int64_t until_s, const std::string& reason, const store::QuotaLimits& limits = {}) {
    Apply({{.kind = store::QuotaChange::Kind::kCool,
            .subject = HashOf(key),
            .model = kPoolModel,
            .until_s = until_s,
            .reason = reason,
            .limits = limits}});
  }
  void Disable(const std::string& key, int64_t until_s, const std::string& reason) {
    Apply(
        {{.kind = store::QuotaChange::Kind::kDisable, .key_hash = HashOf(key), .until_s = until_s, .reason = reason}});
  }

  static std::vector<std::string> Keys(size_t count) {
    std::vector<std::string> keys;
    for (size_t i = 0; i < count; ++i) keys.push_back("test-key-" + std::to_string(i));
    return keys;
  }

  TempDir dir_;
  const std::string path_ = dir_.Path("state.db");
  store::MovableClock clock_;

 private:
  const KeyHasher hasher_ = *KeyHasher::Load(dir_.Write("key.salt", std::string(KeyHasher::kSaltBytes, 's')));
  std::optional<Config> config_;
  std::optional<store::QuotaKeeper> keeper_;
  std::optional<KeyPool> pool_;
};

class KeyPoolTest : public testing::Test, public PoolHost {};

// Google's refusals, as they come.
inline gemini::Failure QuotaRefusal(const std::string& quota_id, const std::string& value,
                                    const std::string& delay = "30s") {
  return gemini::ReadFailure(R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"q","details":[)"
                             R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":")" +
                                 quota_id + R"(","quotaValue":")" + value +
                                 R"("}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":")" + delay +
                                 R"("}]}})",
                             429);
}
inline gemini::Failure MinuteRefusal() { return QuotaRefusal("GenerateRequestsPerMinutePerProjectPerModel", "5"); }
inline gemini::Failure DayRefusal() { return QuotaRefusal("GenerateRequestsPerDayPerProjectPerModel", "20"); }
inline gemini::Failure InvalidKey() {
  return gemini::ReadFailure(R"({"error":{"code":400,"message":"API key not valid. Please pass a valid API key."}})",
                             400);
}
inline gemini::Failure StatusOnly(int status) { return gemini::ReadFailure("{}", status); }

}  // namespace gc
