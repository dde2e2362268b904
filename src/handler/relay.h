// relay.h: one request from head to log row: route, access, protocol, Gemini, answer.
// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/config.h"
#include "base/key_hash.h"
#include "handler/api_error.h"
#include "handler/exchange.h"
#include "handler/gemini_client.h"
#include "handler/health.h"
#include "handler/http.h"
#include "handler/key_pool.h"
#include "handler/media_client.h"
#include "handler/models.h"
#include "handler/router.h"
#include "store/request_log.h"
#include "store/signature_keeper.h"

namespace gc {

// Whether this request may use the worker's last free thread: then only probes are answered.
enum class Capacity { kFree, kLastThread };

class Relay {
 public:
  // All must outlive the relay. Any thread may call Serve.
  Relay(const Config& config, Clock& clock, const KeyHasher& hasher, GeminiClient& gemini, MediaClient& media,
        Health& health, store::SignatureKeeper& signatures, store::QuotaKeeper& quota)
      : config_(config),
        clock_(clock),
        hasher_(hasher),
        gemini_(gemini),
        media_(media),
        health_(health),
        signatures_(signatures),
        aliases_(config.Patterns(ConfigTable::kModelsAlias)),
        pool_(config, clock, hasher, quota) {}

  // Answers the request. `refusal`: what was wrong with it before it could be routed. The credentials in the request
  // are wiped. Returns the row for the log; nullopt for probes.
  std::optional<store::RequestLogRow> Serve(HttpRequest* request, std::optional<ApiError> refusal, Capacity capacity,
                                            ResponseSink* sink);

 private:
  store::RequestLogRow MakeRow(const Exchange& exchange, const Route& route, const Labels& labels) const;

  const Config& config_;
  Clock& clock_;
  const KeyHasher& hasher_;
  GeminiClient& gemini_;
  MediaClient& media_;
  Health& health_;
  store::SignatureKeeper& signatures_;
  const ModelAliases aliases_;
  KeyPool pool_;
};

}  // namespace gc
