// signature_keeper.cc: one connection to read, one to write, and what is on its way between them.
// SPDX-License-Identifier: MIT
#include "store/signature_keeper.h"

#include <iterator>
#include <unordered_set>
#include <utility>

#include "base/log.h"

namespace gc::store {
namespace {

constexpr int kReadWaitMs = 50;

}  // namespace

SignatureKeeperOptions SignatureKeeperOptionsFrom(const Config& config) {
  SignatureKeeperOptions options;
  options.database_path = config.Text(ConfigKey::kDatabaseStatePath);
  options.limits.max_rows = config.Int(ConfigKey::kSignaturesMaxRows);
  options.limits.max_bytes = config.Int(ConfigKey::kSignaturesMaxBytes);
  options.limits.ttl_s = config.Int(ConfigKey::kSignaturesTtlS);
  return options;
}

SignatureKeeper::SignatureKeeper(SignatureKeeperOptions options, WriteTime time)
    : options_(std::move(options)),
      reader_([this] { return Signatures::Open(options_.database_path, options_.limits, kReadWaitMs); }),
      writer_({options_.database_path, "thought signatures are lost",
               [this](int busy_timeout_ms) {
                 return Signatures::Open(options_.database_path, options_.limits, busy_timeout_ms);
               },
               [](Signatures& table, std::span<const SignatureRow> rows) { return table.Append(rows); }},
              time) {}

std::vector<SignatureRow> SignatureKeeper::Find(std::string_view key_hash, std::span<const std::string_view> call_ids) {
  std::vector<SignatureRow> found;
  if (options_.limits.max_rows == 0 || call_ids.empty()) return found;
  std::unordered_set<std::string_view> missing(call_ids.begin(), call_ids.end());
  writer_.ForEachWaiting([&](const SignatureRow& row) {  // the newest of a call first
    if (row.key_hash == key_hash && missing.erase(row.call_id) > 0) found.push_back(row);
  });
  if (missing.empty()) return found;
  const std::vector<std::string_view> asked(missing.begin(), missing.end());
  const Status status = reader_.With(kReadWaitMs, [&](Signatures& table) -> Status {
    auto rows = table.Find(key_hash, asked);
    if (!rows) return rows.error();
    std::move(rows->begin(), rows->end(), std::back_inserter(found));
    return {};
  });
  // Said once, until it is good again.
  if (!read_fails_.exchange(!status.ok()) && !status.ok()) {
    Log(LogLevel::kWarn, "no thought signatures are found", {{"error", status.error().message}});
  }
  return found;
}

void SignatureKeeper::Add(std::vector<SignatureRow> rows) {
  if (options_.limits.max_rows > 0 && !rows.empty()) writer_.Add(std::move(rows));
}

void SignatureKeeper::Stop() {
  writer_.Stop();
  reader_.Close();
}

}  // namespace gc::store
