// aggregate.cc: the steps of a run in their order, and what is printed of them.
// SPDX-License-Identifier: MIT
#include "jobs/aggregate.h"

#include <sys/stat.h>
#include <sysexits.h>

#include <optional>
#include <vector>

#include "base/json.h"
#include "jobs/aggregate_rows.h"
#include "jobs/job.h"
#include "jobs/job_run.h"
#include "jobs/reconcile.h"
#include "jobs/rollup.h"
#include "jobs/session.h"
#include "store/checkpoint.h"
#include "store/spool_replay.h"

namespace gc::jobs {
namespace {

constexpr char kJob[] = "aggregate";
constexpr int kBusyTimeoutMs = 5000;
constexpr int kTurnWaitMs = 1000;
constexpr int kRollupsSchema = 2;  // the first one with roll-ups
// Of the WAL, for a checkpoint at the end; within a long run it costs the writers less often.
constexpr int64_t kWalBytes = int64_t{store::kCheckpointPages} * 4096;
constexpr int64_t kPageBytes = 4096;
constexpr int64_t kRunningWalBytes = 4 * kWalBytes;

struct Outcome {
  store::SpoolReplay spool;
  int64_t spool_bytes = 0;  // dry run: waiting
  int64_t pending = 0;      // dry run: rows waiting
  AggregatedRows rows;
  Reconciliation reconciliation;
  std::vector<std::string> findings;
};

std::string Count(int64_t number, const std::string& what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

class Run {
 public:
  Run(const AggregateOptions& options, Console* console, Clock& clock)
      : options_(options), console_(console), clock_(clock), turns_(options.database_path) {}

  // The error ends the run; what it did before is in outcome().
  Status DryRun();
  Status Everything();
  // Prints, and returns 0 or 1.
  int Report();
  const Outcome& outcome() const { return outcome_; }

 private:
  Result<Poco::Data::Session> Open(SessionMode mode);
  Status ReplaySpool();
  Status AddRows(Poco::Data::Session& session);
  Status Compare(Poco::Data::Session& session, ReconcileOptions::Act act, bool compare_keys);
  void CheckpointFrom(int64_t wal_bytes);
  void Find(const std::string& finding) { outcome_.findings.push_back(finding); }
  void CollectFindings();
  void PrintText();
  void PrintJson();

  const AggregateOptions& options_;
  Console* console_;
  Clock& clock_;
  store::TurnLock turns_;
  std::optional<store::Connection> holder_, checkpointer_;  // opened with the first checkpoint
  Outcome outcome_;
};

// An older schema, which the handler still writes, has no roll-ups.
Status CheckSchema(const std::string& path) {
  auto connection = store::Connection::Open(path, store::OpenMode::kReadOnly, kBusyTimeoutMs);
  if (!connection) return connection.error();
  if (Status s = store::CheckVersion(*connection, store::Database::kMain); !s.ok()) {
    return Error{s.error().kind, path + ": " + s.error().message};
  }
  const auto version = store::CurrentVersion(*connection);
  if (!version) return version.error();
  if (*version >= kRollupsSchema) return {};
  return Error{ErrorKind::kConfig, path + ": schema version " + std::to_string(*version) +
                                       " has no roll-ups; run gemini-code-migrate up first"};
}

Result<Poco::Data::Session> Run::Open(SessionMode mode) {
  return OpenSession(options_.database_path, store::Database::kMain, mode, kBusyTimeoutMs);
}

Status Run::ReplaySpool() {
  if (store::SpoolBytes(options_.spool_dir) == 0) return {};
  console_->Note("replaying " + options_.spool_dir);
  auto log = store::RequestLog::Open(options_.database_path, kBusyTimeoutMs, clock_);
  if (!log) return log.error();
  return store::ReplaySpool(options_.spool_dir, options_.database_path, *log, turns_, &outcome_.spool);
}

Status Run::AddRows(Poco::Data::Session& session) {
  auto reader = store::Connection::Open(options_.database_path, store::OpenMode::kReadWrite, kBusyTimeoutMs);
  if (!reader) return reader.error();
  const auto total = reader->QueryInt(
      "SELECT (SELECT coalesce(max(seq), 0) FROM request_logs)"
      " - (SELECT coalesce(max(seq), 0) FROM watermarks WHERE name = 'request_logs')");
  if (!total) return total.error();
  Progress progress(console_, kJob, *total, "rows");
  RowAggregator rows(session, *reader, turns_, clock_, [&](int64_t done) {
    progress.Set(done);
    CheckpointFrom(kRunningWalBytes);
  });
  return rows.Run(&outcome_.rows);
}

Status Run::Compare(Poco::Data::Session& session, ReconcileOptions::Act act, bool compare_keys) {
  auto result = Reconcile(session, turns_, {.act = act, .max_keys = options_.max_keys, .compare_keys = compare_keys});
  if (!result) return result.error();
  outcome_.reconciliation = *result;
  return {};
}

Status Run::DryRun() {
  auto session = Open(SessionMode::kReadOnly);
  if (!session) return session.error();
  outcome_.spool_bytes = store::SpoolBytes(options_.spool_dir);
  const auto watermark = ReadWatermark(*session);
  if (!watermark) return watermark.error();
  outcome_.rows.watermark = *watermark;
  const auto pending = CountPending(*session);
  if (!pending) return pending.error();
  outcome_.pending = *pending;
  return Compare(*session, ReconcileOptions::Act::kLook, true);
}

Status Run::Everything() {
  auto session = Open(SessionMode::kReadWrite);
  if (!session) return session.error();
  // A spool that cannot be replayed is no reason to leave the rows that are there.
  const Status replayed = ReplaySpool();
  const auto before = ReadWatermark(*session);
  if (!before) return before.error();
  if (Status s = AddRows(*session); !s.ok()) return s;
  // Keys once a day, in the first run of a day that has rows: their comparison scans a table.
  const bool new_day = StartOf(before->updated_unix_s.value_or(0), kDayS) != StartOf(clock_.UnixS(), kDayS);
  using Act = ReconcileOptions::Act;
  const bool compare_keys = options_.repair || (new_day && outcome_.rows.rows > 0);
  if (Status s = Compare(*session, options_.repair ? Act::kRepair : Act::kTrim, compare_keys); !s.ok()) return s;
  CheckpointFrom(kWalBytes);
  return replayed;
}

// Best effort: a busy database has another one in five minutes.
void Run::CheckpointFrom(int64_t wal_bytes) {
  struct stat wal {};
  if (stat((options_.database_path + "-wal").c_str(), &wal) != 0 || wal.st_size < wal_bytes) return;
  const auto pages = static_cast<int>(wal.st_size / kPageBytes);
  if (store::IsCheckpointPaused(options_.database_path, pages)) return console_->Note("no checkpoint: a backup runs");
  for (std::optional<store::Connection>* connection : {&holder_, &checkpointer_}) {
    if (*connection) continue;
    auto opened = store::Connection::Open(options_.database_path, store::OpenMode::kReadWrite, kTurnWaitMs);
    if (!opened) return console_->Note("no checkpoint: " + opened.error().message);
    connection->emplace(std::move(*opened));
  }
  const auto result = store::Checkpoint(*holder_, *checkpointer_, turns_, kTurnWaitMs);
  if (!result) return console_->Note("no checkpoint: " + result.error().message);
  console_->Note("checkpoint: " + std::to_string(result->moved_pages) + " of " + Count(result->wal_pages, "page"));
}

void Run::CollectFindings() {
  const auto& [keys_over, totals_short, keys_differ] = outcome_.reconciliation;
  for (const std::string& problem : outcome_.spool.problems) Find("spool: " + problem);
  if (outcome_.spool.bad_lines > 0) {
    Find("spool: " + Count(outcome_.spool.bad_lines, "line") + " that no row could be made of, kept in " +
         options_.spool_dir + "/" + store::kSpoolBadFile);
  }
  if (outcome_.rows.reset_from_seq) {
    Find("request_logs began anew below the watermark " + std::to_string(*outcome_.rows.reset_from_seq) +
         "; what arrived after the watermark's last move was aggregated");
  }
  const bool repaired = options_.repair && !options_.dry_run;
  const auto differs = [&](const std::string& what) {
    if (repaired) return console_->Say("repaired: " + what);
    Find(what + "; --repair corrects it");
  };
  if (totals_short > 0) {
    differs("totals.requests is " + std::to_string(totals_short) + " below the sum of system_stats");
  }
  if (keys_differ > 0) differs(Count(keys_differ, "key") + " with more in api_key_metrics than in stats_key_daily");
}

void Run::PrintText() {
  const bool dry = options_.dry_run;
  if (dry) {
    console_->Say(Count(outcome_.pending, "row") + " to aggregate, " + BytesText(outcome_.spool_bytes) +
                  " in the spool");
  } else {
    console_->Say(Count(outcome_.rows.rows, "row") + " aggregated into " + Count(outcome_.rows.days.size(), "day") +
                  ", up to " + std::to_string(outcome_.rows.watermark.seq));
  }
  if (outcome_.spool.files > 0) {
    console_->Say("spool: " + Count(outcome_.spool.rows, "row") + " of " + Count(outcome_.spool.files, "file"));
  }
  if (outcome_.reconciliation.keys_over > 0) {
    console_->Say("api_key_metrics: " + Count(outcome_.reconciliation.keys_over, "key") +
                  (dry ? " to take out" : " taken out") + ", the longest unused");
  }
}

void Run::PrintJson() {
  std::string text;
  json::Writer w(&text);
  const auto& [spool, spool_bytes, pending, rows, reconciliation, findings] = outcome_;
  w.BeginObject().Key("dry_run").Bool(options_.dry_run).Key("rows").Int(rows.rows);
  if (options_.dry_run) w.Key("rows_waiting").Int(pending).Key("spool_bytes_waiting").Int(spool_bytes);
  w.Key("watermark").Int(rows.watermark.seq).Key("days").BeginArray();
  for (const int64_t day : rows.days) w.String(DateText(day));
  w.EndArray().Key("spool").BeginObject().Key("files").Int(spool.files).Key("rows").Int(spool.rows);
  w.Key("bad_lines").Int(spool.bad_lines).EndObject().Key("keys_over").Int(reconciliation.keys_over);
  w.Key("totals_short").Int(reconciliation.totals_short).Key("keys_differ").Int(reconciliation.keys_differ);
  w.Key("findings").BeginArray();
  for (const std::string& finding : findings) w.String(json::CleanUtf8(finding));
  w.EndArray().EndObject();
  console_->Print(text);
}

int Run::Report() {
  CollectFindings();
  if (console_->json()) {
    PrintJson();
  } else {
    PrintText();
    for (const std::string& finding : outcome_.findings) console_->Warn(finding);
  }
  return outcome_.findings.empty() ? EX_OK : kExitFindings;
}

}  // namespace

int RunAggregate(const AggregateOptions& options, Console* console, Clock& clock) {
  if (Status s = CheckSchema(options.database_path); !s.ok()) return console->Fail(s.error());
  if (options.dry_run) {
    Run run(options, console, clock);
    if (Status s = run.DryRun(); !s.ok()) return console->Fail(s.error());
    return run.Report();
  }
  const auto lock = JobLock::Take(options.database_path, kJob, options.lock_wait_s);
  if (!lock) return console->Fail(lock.error());
  JobRecord record(console, options.database_path, kJob);
  Run run(options, console, clock);
  const Status done = run.Everything();
  record.row().rows = run.outcome().rows.rows;
  if (done.ok()) {
    const int code = run.Report();
    record.row().message = run.outcome().findings.empty() ? "" : run.outcome().findings.front();
    return record.End(code);
  }
  record.row().message = done.error().message;
  return record.End(console->Fail(done.error()));
}

}  // namespace gc::jobs
