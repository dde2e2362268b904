// health.h: /health, /livez and /readyz: what operators and load balancers look at. Never calls Gemini.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/config.h"
#include "store/connection.h"
#include "store/log_writer.h"
#include "store/quota_keeper.h"

namespace gc {

struct HealthAnswer {
  int status = 200;
  std::string body;
};

// Thread-safe: probes share one read connection, opened when the first one comes.
class Health {
 public:
  // `log` and `quota` may be null (CGI: a process has nothing to tell of others). started_unix_ms: when the master
  // started; 0: unknown (CGI).
  Health(const Config& config, Clock& clock, const store::LogWriter* log, const store::QuotaKeeper* quota,
         int64_t started_unix_ms)
      : config_(config), clock_(clock), log_(log), quota_(quota), started_unix_ms_(started_unix_ms) {}

  // GET /health: the origin's fields by name and type, then ours. healthy and degraded are 200, unhealthy is 503.
  HealthAnswer Report();
  // GET /readyz: 200 when the database opens and has a schema that this program knows, else 503.
  HealthAnswer Ready();
  // GET /livez: 200; touches nothing.
  static HealthAnswer Live() { return {200, "{\"status\":\"alive\"}"}; }

  // What the master found wrong with a new configuration; empty: nothing.
  void SetConfigError(std::string error);

 private:
  // The shared connection, opened anew when the file was replaced. REQUIRES: mutex_ held.
  Result<store::Connection*> Database();

  const Config& config_;
  Clock& clock_;
  const store::LogWriter* log_;
  const store::QuotaKeeper* quota_;
  const int64_t started_unix_ms_;
  std::mutex mutex_;
  std::optional<store::Connection> connection_;
  std::string config_error_;
};

}  // namespace gc
