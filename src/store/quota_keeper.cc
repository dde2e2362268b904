// quota_keeper.cc: one connection that reads, one that reserves, one that writes.
// SPDX-License-Identifier: MIT
#include "store/quota_keeper.h"

#include <utility>

#include "base/log.h"

namespace gc::store {
namespace {

constexpr int kWaitMs = 50;
// For the other requests of this process, each of which is done in a fraction of a millisecond.
constexpr int kTurnWaitMs = 500;
// A database that is locked for long would cost every request kWaitMs, one after the other.
constexpr int64_t kLockedPauseUs = 1'000'000;

}  // namespace

QuotaKeeper::QuotaKeeper(std::string database_path, WriteTime time, Clock& clock)
    : path_(std::move(database_path)),
      clock_(clock),
      reader_([this] { return Quota::Open(path_, kWaitMs); }),
      reserver_([this] { return Quota::Open(path_, kWaitMs); }),
      writer_(
          {path_, "quota changes are lost", [this](int busy_timeout_ms) { return Quota::Open(path_, busy_timeout_ms); },
           [this](Quota& table, std::span<const QuotaChange> changes) { return table.Apply(changes, clock_.UnixS()); }},
          time) {}

// Said once, until it is good again.
void QuotaKeeper::NoteFailure(const Status& status) {
  if (!fails_.exchange(!status.ok()) && !status.ok()) {
    Log(LogLevel::kWarn, "requests go on without the keys' quota", {{"error", status.error().message}});
  }
}

std::vector<KeyQuota> QuotaKeeper::Read(std::span<const std::string> key_hashes, std::string_view model,
                                        QuotaWindows windows) {
  std::vector<KeyQuota> keys;
  const Status status = reader_.With(kWaitMs, [&](Quota& table) -> Status {
    auto read = table.Read(key_hashes, model, windows);
    if (!read) return read.error();
    keys = std::move(*read);
    return {};
  });
  if (status.ok()) return keys;
  NoteFailure(status);
  keys.resize(key_hashes.size());
  for (size_t i = 0; i < keys.size(); ++i) keys[i].subject = key_hashes[i];
  return keys;
}

// Asks the reserving connection, unless the database was locked a moment ago: looked at when it is this request's turn.
template <class Use>
Status QuotaKeeper::Ask(Use use) {
  return reserver_.With(kTurnWaitMs, [&](Quota& table) -> Status {
    if (SystemClock().MonotonicUs() < locked_until_us_) return Error{ErrorKind::kBusy, "the state database is locked"};
    Status status = use(table);
    if (!status.ok()) locked_until_us_ = SystemClock().MonotonicUs() + kLockedPauseUs;
    return status;
  });
}

Grant QuotaKeeper::Reserve(const std::string& subject, std::string_view model, const QuotaLimits& limits,
                           int64_t requests, int64_t tokens, QuotaWindows* windows) {
  std::optional<Reservation> granted;
  const Status status = Ask([&](Quota& table) -> Status {
    auto reserved = table.Reserve(subject, model, *windows, limits, requests, tokens, clock_.UnixS());
    if (!reserved) return reserved.error();
    granted = *reserved;
    return {};
  });
  NoteFailure(status);
  if (!status.ok()) {
    ++unknown_grants_;
    return Grant::kUnknown;
  }
  if (!granted) return Grant::kDenied;
  *windows = granted->windows;
  return Grant::kGranted;
}

void QuotaKeeper::ApplyNow(std::vector<QuotaChange> changes) {
  const Status status = Ask([&](Quota& table) { return table.Apply(changes, clock_.UnixS()); });
  if (!status.ok()) writer_.Add(std::move(changes));
}

void QuotaKeeper::Add(std::vector<QuotaChange> changes) {
  if (!changes.empty()) writer_.Add(std::move(changes));
}

void QuotaKeeper::Stop() {
  writer_.Stop();
  reader_.Close();
  reserver_.Close();
}

}  // namespace gc::store
