// signatures.cc: the statements on the table of signatures.
// SPDX-License-Identifier: MIT
#include "store/signatures.h"

#include <utility>

#include "base/json.h"
#include "store/migrations.h"

namespace gc::store {
namespace {

constexpr int64_t kLargestShare = 8;
// One answer's look-up: a client that asks for all it ever got is not worth the memory of all its history.
constexpr int64_t kMaxFoundBytes = int64_t{16} << 20;

// The ids go in as one JSON array: a list of parameters would be another statement for each length.
constexpr char kFind[] =
    "SELECT s.call_id, s.signature FROM json_each(?2) AS asked CROSS JOIN signatures AS s"
    " WHERE s.key_hash = ?1 AND s.call_id = asked.value AND s.created > ?3";
constexpr char kErase[] = "DELETE FROM signatures WHERE key_hash = ?1 AND call_id = ?2";
constexpr char kInsert[] = "INSERT INTO signatures (key_hash, call_id, signature, created) VALUES (?1, ?2, ?3, ?4)";
constexpr char kTotals[] = "SELECT rows, bytes FROM signature_totals";
constexpr char kEraseOldest[] = "DELETE FROM signatures WHERE seq = (SELECT min(seq) FROM signatures)";
// Among the oldest only: more than a write brings, and never a walk through the table.
constexpr char kEraseExpired[] =
    "DELETE FROM signatures WHERE created <= ?1 AND seq IN (SELECT seq FROM signatures ORDER BY seq LIMIT 256)";
constexpr const char* kSql[] = {kFind, kErase, kInsert, kTotals, kEraseOldest, kEraseExpired};  // as in Statements

}  // namespace

Result<Signatures> Signatures::Open(const std::string& path, const SignatureLimits& limits, int busy_timeout_ms,
                                    Clock& clock) {
  auto connection = Connection::Open(path, OpenMode::kReadWrite, busy_timeout_ms);
  if (!connection) return connection.error();
  if (Status s = CheckVersion(*connection, Database::kState); !s.ok()) return s.error();
  std::vector<Statement> prepared;
  for (const char* sql : kSql) {
    auto statement = connection->Prepare(sql);
    if (!statement) return statement.error();
    prepared.push_back(std::move(*statement));
  }
  Statements statements{std::move(prepared[0]), std::move(prepared[1]), std::move(prepared[2]),
                        std::move(prepared[3]), std::move(prepared[4]), std::move(prepared[5])};
  return Signatures(std::move(*connection), std::move(statements), limits, clock);
}

Signatures::Signatures(Connection connection, Statements statements, const SignatureLimits& limits, Clock& clock)
    : connection_(std::move(connection)), statements_(std::move(statements)), limits_(limits), clock_(&clock) {}

Status Signatures::Append(std::span<const SignatureRow> rows) {
  auto transaction = Transaction::Begin(connection_);
  if (!transaction) return transaction.error();
  const int64_t now_s = clock_->UnixS();
  for (const SignatureRow& row : rows) {
    if (row.bytes() > limits_.max_bytes / kLargestShare) continue;
    statements_.erase.BindText(1, row.key_hash).BindText(2, row.call_id);
    if (Status s = statements_.erase.Run(); !s.ok()) return s;
    statements_.insert.BindText(1, row.key_hash).BindText(2, row.call_id).BindText(3, row.signature).BindInt(4, now_s);
    if (Status s = statements_.insert.Run(); !s.ok()) return s;
  }
  if (Status s = Trim(); !s.ok()) return s;
  return transaction->Commit();
}

Status Signatures::Trim() {
  statements_.erase_expired.BindInt(1, clock_->UnixS() - limits_.ttl_s);
  if (Status s = statements_.erase_expired.Run(); !s.ok()) return s;
  for (;;) {
    const auto row = statements_.totals.Step();
    if (!row) return row.error();
    const bool fits =
        !*row || (statements_.totals.Int(0) <= limits_.max_rows && statements_.totals.Int(1) <= limits_.max_bytes);
    statements_.totals.Reset();
    if (fits) return {};
    if (Status s = statements_.erase_oldest.Run(); !s.ok()) return s;
    if (connection_.changes() == 0) return Error{ErrorKind::kCorrupt, "signature_totals counts what is not there"};
  }
}

Result<std::vector<SignatureRow>> Signatures::Find(std::string_view key_hash,
                                                   std::span<const std::string_view> call_ids) {
  std::string ids;
  json::Writer w(&ids);
  w.BeginArray();
  for (const std::string_view id : call_ids) w.String(id);
  w.EndArray();
  Statement& find = statements_.find;
  find.BindText(1, key_hash).BindText(2, ids).BindInt(3, clock_->UnixS() - limits_.ttl_s);
  std::vector<SignatureRow> found;
  int64_t bytes = 0;
  auto row = find.Step();
  for (; row.ok() && *row && bytes < kMaxFoundBytes; row = find.Step()) {
    found.push_back({std::string(key_hash), std::string(find.Text(0)), std::string(find.Text(1))});
    bytes += found.back().bytes();
  }
  find.Reset();
  if (!row) return row.error();
  return found;
}

}  // namespace gc::store
