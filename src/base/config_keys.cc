// config_keys.cc: the tables of configuration keys (name, type, default, range, help) and of pattern tables.
// SPDX-License-Identifier: MIT
#include "base/config.h"

#ifndef GEMINI_CODE_LOCALSTATEDIR
#define GEMINI_CODE_LOCALSTATEDIR "/var"
#endif
#ifndef GEMINI_CODE_SYSCONFDIR
#define GEMINI_CODE_SYSCONFDIR "/etc"
#endif

namespace gc {
namespace {

using enum ConfigKey;
using enum ConfigType;

constexpr int64_t kDay = 86400;
constexpr int64_t kGiB = int64_t{1} << 30;

constexpr ConfigKeyInfo kKeys[] = {
    {kUpstreamUrl, "upstream.url", kUrl, "https://generativelanguage.googleapis.com", 0, 0, "",
     "Gemini's scheme and host; /v1beta/... is appended. Plain http is accepted for a loopback host only."},
    {kUpstreamConnectTimeoutS, "upstream.connect_timeout_s", kInteger, "5", 1, 600, "",
     "Seconds to connect to Gemini, TLS included."},
    {kUpstreamFirstByteTimeoutS, "upstream.first_byte_timeout_s", kInteger, "120", 1, kDay, "",
     "Seconds that Gemini may stay silent before the first byte of its answer."},
    {kUpstreamIdleTimeoutS, "upstream.idle_timeout_s", kInteger, "60", 1, kDay, "",
     "Seconds that Gemini may stay silent inside an answer. There is no limit on the whole answer."},
    {kUpstreamMaxResponseBytes, "upstream.max_response_bytes", kInteger, "67108864", 65536, kGiB, "",
     "Largest unary answer, or single streamed event, in bytes."},
    {kUpstreamMaxIdleConnections, "upstream.max_idle_connections", kInteger, "64", 0, 4096, "",
     "Warm connections to Gemini that one worker keeps open."},
    {kUpstreamProxy, "upstream.proxy", kText, "", 0, 0, "",
     "Proxy for calls to Gemini, as curl writes it (http://host:port). Empty: none; the environment is not asked."},
    {kUpstreamCaPath, "upstream.ca_path", kText, "/etc/ssl/certs", 0, 0, "",
     "Directory of hashed CA certificates that the certificates of Gemini and of media.hosts are checked against."},
    {kDatabasePath, "database.path", kText, GEMINI_CODE_LOCALSTATEDIR "/lib/gemini-code/gemini-code.db", 0, 0, "",
     "Main database: logs, metrics, statistics. On a local disk, its directory writable for the service user."},
    {kDatabaseStatePath, "database.state_path", kText, GEMINI_CODE_LOCALSTATEDIR "/lib/gemini-code/state.db", 0, 0, "",
     "Small database of thought signatures, quota windows and key state; can be rebuilt."},
    {kSpoolDir, "spool.dir", kText, GEMINI_CODE_LOCALSTATEDIR "/lib/gemini-code/spool", 0, 0, "",
     "Directory for log rows that the main database refused."},
    {kSpoolMaxBytes, "spool.max_bytes", kInteger, "67108864", 0, 64 * kGiB, "",
     "Bytes that the spool may hold; rows beyond are dropped and counted."},
    {kMetricsMaxKeys, "metrics.max_keys", kInteger, "100000", 1, 100000000, "",
     "Keys that api_key_metrics holds; gemini-code-aggregate takes out those that were not used for the longest time."},
    {kBackupDir, "backup.dir", kText, GEMINI_CODE_LOCALSTATEDIR "/backups/gemini-code", 0, 0, "",
     "Directory of the backups of the main database. The salt is not in them: keep a copy of it elsewhere."},
    {kBackupKeepDaily, "backup.keep_daily", kInteger, "7", 0, 100000, "",
     "Days (UTC) that keep their newest backup; only days that have one count."},
    {kBackupKeepWeekly, "backup.keep_weekly", kInteger, "4", 0, 100000, "",
     "Weeks that keep their newest backup, from Monday on."},
    {kBackupKeepMonthly, "backup.keep_monthly", kInteger, "6", 0, 100000, "", "Months that keep their newest backup."},
    {kSignaturesMaxRows, "signatures.max_rows", kInteger, "100000", 0, 100000000, "",
     "Thought signatures of function calls kept in the state database, for clients that do not send them back; the "
     "oldest go first. 0: none are kept."},
    {kSignaturesMaxBytes, "signatures.max_bytes", kInteger, "67108864", 65536, 64 * kGiB, "",
     "Bytes of all thought signatures that are kept; one that is over an eighth of that is not."},
    {kSignaturesTtlS, "signatures.ttl_s", kInteger, "86400", 60, 365 * kDay, "",
     "Seconds that a thought signature is kept for. Without it, Gemini is given its stand-in."},
    {kRetentionRequestsDays, "retention.requests_days", kInteger, "30", 1, 36500, "",
     "Days that gemini-code-prune keeps rows of request_logs; what they say in sum stays in the roll-ups."},
    {kRetentionErrorsDays, "retention.errors_days", kInteger, "90", 1, 36500, "",
     "Days that gemini-code-prune keeps rows of error_logs."},
    {kRetentionStatsDays, "retention.stats_days", kInteger, "400", 1, 36500, "",
     "Days that gemini-code-prune keeps system_stats and the roll-ups."},
    {kRetentionMaxBytes, "retention.max_bytes", kInteger, "0", 0, 1024 * kGiB, "",
     "Bytes in use in the main database above which gemini-code-prune deletes the oldest log rows, however young, an "
     "eighth of it at most for error_logs; 1048576 or more, 0: no limit."},
    {kRetentionMaxRows, "retention.max_rows", kInteger, "0", 0, 1000000000000, "",
     "Rows of request_logs that gemini-code-prune keeps at most, however young; 0: no limit."},
    {kSecretSaltFile, "secret.salt_file", kText, GEMINI_CODE_SYSCONFDIR "/gemini-code/key.salt", 0, 0, "",
     "File of 32 random bytes, mode 0400, that keys are hashed with. The gateway does not start without it."},
    {kLogFile, "log.file", kText, "", 0, 0, "",
     "File for the process log; empty: standard error. Opened anew when it was renamed."},
    {kLogLevel, "log.level", kText, "info", 0, 0, "debug|info|warn|error",
     "Least severe level that the process log shows."},
    {kProcessMaster, "process.master", kSwitch, "on", 0, 0, "",
     "on: a master keeps the socket and recycles workers. off: one thread, for servers that manage processes "
     "themselves (mod_fcgid)."},
    {kProcessDrainS, "process.drain_s", kInteger, "180", 0, kDay, "",
     "Seconds that running requests get to end when a worker stops; then they end with an error."},
    {kWorkerProcesses, "worker.processes", kInteger, "1", 1, 64, "", "Worker processes under one master."},
    {kWorkerThreads, "worker.threads", kInteger, "1100", 2, 16384, "",
     "Most threads of one worker: requests it can hold at the same time. They start on demand."},
    {kWorkerMaxRequests, "worker.max_requests", kInteger, "100000", 0, 1000000000, "",
     "Requests after which a worker is replaced; 0: never."},
    {kWorkerMaxAgeS, "worker.max_age_s", kInteger, "3600", 0, 30 * kDay, "",
     "Seconds after which a worker is replaced; 0: never."},
    {kRequestMaxBodyBytes, "request.max_body_bytes", kInteger, "33554432", 1024, kGiB, "",
     "Largest request body in bytes; larger ones get 413."},
    {kRequestReadTimeoutS, "request.read_timeout_s", kInteger, "60", 1, kDay, "",
     "Seconds that the web server may stay silent while a request is read."},
    {kMediaHosts, "media.hosts", kHosts, "", 0, 0, "",
     "Hosts that images and files are fetched from when a request has their https: URL: names, `*.example.org` for "
     "all names below that one, or `*` for any, apart by blanks or commas. Empty: none are fetched. The host's "
     "addresses must be public, and so must those that it redirects to; upstream.proxy is not used."},
    {kMediaMaxBytes, "media.max_bytes", kInteger, "10485760", 1024, kGiB, "",
     "Largest file that is fetched, in bytes. All files of a request together may have, in base64, "
     "request.max_body_bytes."},
    {kMediaTimeoutS, "media.timeout_s", kInteger, "10", 1, 600, "",
     "Seconds in which all files of a request must have come."},
    {kStreamKeepaliveS, "stream.keepalive_s", kInteger, "15", 1, 3600, "",
     "Seconds of silence after which a translated stream gets an SSE comment."},
    {kStreamWriteTimeoutS, "stream.write_timeout_s", kInteger, "60", 1, kDay, "",
     "Seconds that a client may take none of an answer's bytes before it counts as gone."},
    {kPoolMaxAttempts, "pool.max_attempts", kInteger, "4", 1, 64, "",
     "Calls to Gemini for one request, over all its keys, as long as the client has nothing of the answer."},
    {kPoolMaxWaitS, "pool.max_wait_s", kInteger, "0", 0, 600, "",
     "Seconds that a request may wait for the first of its keys to have quota again; 0: it is refused at once."},
    {kPoolWeightMinuteRequests, "pool.weight_minute_requests", kInteger, "1", 0, 100, "",
     "How much the requests that are left in the minute count when a key is chosen."},
    {kPoolWeightMinuteTokens, "pool.weight_minute_tokens", kInteger, "1", 0, 100, "",
     "How much the input tokens that are left in the minute count when a key is chosen."},
    {kPoolWeightDayRequests, "pool.weight_day_requests", kInteger, "2", 0, 100, "",
     "How much the requests that are left in the day count when a key is chosen."},
    {kQuotaLearnedTtlS, "quota.learned_ttl_s", kInteger, "86400", 60, 30 * kDay, "",
     "Seconds that a limit which a refusal of Google's named is kept to."},
    {kHealthWindowS, "health.window_s", kInteger, "300", 60, kDay, "",
     "Seconds that the rates and averages of /health look back."},
    {kPrivacyIp, "privacy.ip", kText, "truncate", 0, 0, "truncate|full|none",
     "How client addresses are logged: without the last octet (IPv6: last 80 bits), whole, or not at all."},
};

constexpr bool InOrder() {
  for (size_t i = 0; i < std::size(kKeys); ++i) {
    if (kKeys[i].key != static_cast<ConfigKey>(i)) return false;
  }
  return std::size(kKeys) == static_cast<size_t>(kCount_);
}
static_assert(InOrder(), "one row for each ConfigKey, in its order");

// Google's own `latest` names: these rows do not age. High numbers, so that an operator's rows go before them.
constexpr ConfigTableInfo::Default kAliases[] = {
    {901, "claude-*opus* gemini-pro-latest"},
    {902, "claude-*sonnet* gemini-flash-latest"},
    {903, "claude-*haiku* gemini-flash-lite-latest"},
    {904, "claude-* gemini-flash-latest"},
    {911, "gpt-*-nano* gemini-flash-lite-latest"},
    {912, "gpt-*-mini* gemini-flash-lite-latest"},
    {913, "gpt-4o* gemini-flash-latest"},
    {914, "gpt-4.1* gemini-flash-latest"},
    {915, "gpt-5* gemini-flash-latest"},
    {916, "gpt-* gemini-flash-latest"},
    {917, "chatgpt-* gemini-flash-latest"},
    {921, "o1* gemini-pro-latest"},
    {922, "o3* gemini-pro-latest"},
    {923, "o4* gemini-flash-latest"},
};

constexpr ConfigTableInfo kTables[] = {
    {ConfigTable::kModelsAlias, "models.alias", kAliases, CheckName,
     "Names of models that clients ask for, and the Gemini model that answers in their place: `models.alias.N = "
     "PATTERN "
     "MODEL`, N from 1 to 9999, `*` for any run of characters. The lowest N that matches counts; an empty right side "
     "takes a row out. A name that matches no row goes to Gemini as it is. /v1/models lists the patterns that are "
     "names "
     "once their `*` are gone."},
    {ConfigTable::kQuotaLimits,
     "quota.limits",
     {},
     CheckLimits,
     "What each key may do with a model: `quota.limits.N = PATTERN rpm=5,tpm=250000,rpd=100` (requests a minute, input "
     "tokens a minute, requests a day in California). The lowest N that matches counts. What a refusal of Google's "
     "names "
     "goes before it; what neither tells is not limited here."},
};
static_assert(std::size(kTables) == static_cast<size_t>(ConfigTable::kCount_));

}  // namespace

std::span<const ConfigTableInfo> ConfigTables() { return kTables; }

std::span<const ConfigKeyInfo> ConfigKeys() { return kKeys; }

}  // namespace gc
