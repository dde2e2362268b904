// prune.cc: one run: plan, safety stops, deleting, report.
// SPDX-License-Identifier: MIT
#include "jobs/prune.h"

#include <sysexits.h>

#include <vector>

#include "base/json.h"
#include "jobs/job.h"
#include "jobs/job_run.h"
#include "jobs/prune_batches.h"
#include "jobs/prune_plan.h"
#include "jobs/session.h"

namespace gc::jobs {
namespace {

constexpr char kJob[] = "prune";
constexpr int kBusyTimeoutMs = 5000;
constexpr int kRollUpSchema = 2;  // has watermarks and roll-ups
// New rows take free pages, and taking them costs nothing, whereas giving them back moves a page for each; so they
// stay, but for what is over a quarter of the file, as after a first run or a shorter period.
constexpr int64_t kFreePart = 4;

class Prune {
 public:
  Prune(const PruneOptions& options, Poco::Data::Session session, Console* console, Clock& clock)
      : options_(options), session_(std::move(session)), console_(console), clock_(&clock) {}

  // The exit code.
  int Run();
  int64_t deleted() const { return plan_.deleted(); }
  const std::string& summary() const { return summary_; }

 private:
  // False: *exit_code says why nothing may be deleted.
  bool Prepare(int* exit_code);
  Status DeleteAll(PruneBatches* batches);
  Status DeleteOld(PruneTarget* target, PruneBatches* batches, Progress* progress);
  Status DeleteOldest(PruneTarget* target, PruneBatches* batches, Progress* progress);
  Status ReturnFreePages(PruneBatches* batches);
  int Report();
  void WriteText(const std::vector<std::string>& oldest, const DatabaseSize& size);
  void WriteJson(const std::vector<std::string>& oldest, const DatabaseSize& size);
  int End();

  const PruneOptions& options_;
  Poco::Data::Session session_;
  Console* console_;
  Clock* clock_;
  PrunePlan plan_;
  int64_t returned_pages_ = 0;
  PruneBatches::Halt halt_ = PruneBatches::Halt::kNone;
  std::string summary_;
};

const char* NameOf(PruneBatches::Halt halt) {
  switch (halt) {
    case PruneBatches::Halt::kNone:
      return "";
    case PruneBatches::Halt::kBudget:
      return "time_budget";
    case PruneBatches::Halt::kReader:
      return "wal_held_by_reader";
  }
  return "";
}

// The statement that deletes n of the rows that `condition` names, in the order of `order`.
std::string DeleteSql(const PruneTarget& target, const std::string& condition, const std::string& order, int64_t n) {
  return "DELETE FROM " + target.table + " WHERE (" + target.key + ") IN (SELECT " + target.key + " FROM " +
         target.table + " WHERE " + target.scope + " AND " + condition + " AND " + target.allowed + " ORDER BY " +
         order + " LIMIT " + std::to_string(n) + ")";
}

int Prune::Run() {
  int exit_code = EX_OK;
  if (!Prepare(&exit_code)) {
    summary_ = "nothing was pruned";
    return exit_code;
  }
  if (!options_.dry_run) {
    auto batches = PruneBatches::Open(session_, options_, *clock_);
    if (!batches) return console_->Fail(batches.error());
    Status done = DeleteAll(&*batches);
    if (done.ok()) done = ReturnFreePages(&*batches);
    halt_ = batches->halt();
    summary_ = std::to_string(plan_.deleted()) + " rows deleted, " + std::to_string(plan_.left()) + " left";
    if (!done.ok()) {
      summary_ += ": " + done.error().message;
      return console_->Fail(ExitCodeOf(done.error().kind), summary_);
    }
  }
  if (const int code = Report(); code != EX_OK) return code;
  return End();
}

bool Prune::Prepare(int* exit_code) {
  const auto version = [&]() -> Result<int64_t> {
    Poco::Int64 value = 0;
    const Status read = Try(session_, [&] {
      session_ << "PRAGMA user_version", Poco::Data::Keywords::into(value), Poco::Data::Keywords::now;
    });
    if (!read.ok()) return read.error();
    return int64_t{value};
  }();
  const int64_t now_s = clock_->UnixS();
  auto plan = !version ? Result<PrunePlan>(version.error())
              : *version < kRollUpSchema
                  ? Error{ErrorKind::kConfig, "the database has no roll-ups yet: run gemini-code-migrate up"}
                  : MakePrunePlan(session_, options_, now_s);
  if (!plan) {
    *exit_code = console_->Fail(plan.error());
    return false;
  }
  plan_ = std::move(*plan);
  if (!plan_.has_watermark && plan_.requests().rows > 0) {
    *exit_code = console_->Fail(kExitFindings,
                                "no row of request_logs is in the roll-ups yet, so none may go: run "
                                "gemini-code-aggregate first; nothing was pruned");
    return false;
  }
  const auto stops = FindSafetyStops(session_, options_, plan_, now_s);
  if (!stops) {
    *exit_code = console_->Fail(stops.error());
    return false;
  }
  for (const std::string& stop : *stops) console_->Warn(stop);
  if (stops->empty() || options_.force) return true;
  *exit_code = console_->Fail(kExitFindings, "nothing was pruned; if clock and periods are right: --force");
  return false;
}

Status Prune::DeleteAll(PruneBatches* batches) {
  Progress progress(console_, "pruning", plan_.left(), "rows");
  for (PruneTarget& target : plan_.targets) {
    console_->Note(target.name + ": " + std::to_string(target.left_by_age) + " rows are over their age");
    if (Status s = DeleteOld(&target, batches, &progress); !s.ok()) return s;
  }
  while (batches->halt() == PruneBatches::Halt::kNone) {
    const auto size = ReadDatabaseSize(session_);
    if (!size) return size.error();
    PlanLimits(*size, options_, &plan_);
    if (plan_.left() == 0) return {};
    const int64_t before = plan_.deleted();
    for (PruneTarget* target : {&plan_.errors(), &plan_.requests()}) {
      if (Status s = DeleteOldest(target, batches, &progress); !s.ok()) return s;
    }
    if (plan_.deleted() == before) return {};
  }
  return {};
}

Status Prune::DeleteOld(PruneTarget* target, PruneBatches* batches, Progress* progress) {
  const int64_t before = target->deleted;
  const int64_t planned = target->left_by_age;
  const auto sql = [&](int64_t n) {
    return DeleteSql(*target, target->old, target->key == "seq" ? target->time : target->key, n);
  };
  return batches->Delete(sql, planned, &target->deleted, [&] {
    target->left_by_age = planned - (target->deleted - before);
    progress->Set(plan_.deleted());
  });
}

Status Prune::DeleteOldest(PruneTarget* target, PruneBatches* batches, Progress* progress) {
  const int64_t before = target->deleted;
  const int64_t planned = target->left_by_limit;
  const auto sql = [&](int64_t n) { return DeleteSql(*target, "1=1", target->time, n); };
  return batches->Delete(sql, planned, &target->deleted, [&] {
    target->left_by_limit = planned - (target->deleted - before);
    progress->Set(plan_.deleted());
  });
}

Status Prune::ReturnFreePages(PruneBatches* batches) {
  const auto size = ReadDatabaseSize(session_);
  if (!size) return size.error();
  // n pages less leave free - n of pages - n.
  const int64_t over = (size->free_pages * kFreePart - size->pages) / (kFreePart - 1);
  if (over > 0) console_->Note("giving back " + BytesText(over * size->page_bytes));
  return batches->ReturnPages(over, &returned_pages_);
}

int Prune::Report() {
  std::vector<std::string> oldest;
  for (const PruneTarget& target : plan_.targets) {
    auto text = OldestKept(session_, target);
    if (!text) return console_->Fail(text.error());
    oldest.push_back(std::move(*text));
  }
  const auto size = ReadDatabaseSize(session_);
  if (!size) return console_->Fail(size.error());
  if (console_->json()) {
    WriteJson(oldest, *size);
  } else {
    WriteText(oldest, *size);
  }
  return EX_OK;
}

void Prune::WriteText(const std::vector<std::string>& oldest, const DatabaseSize& size) {
  const std::string verb = options_.dry_run ? " rows would be deleted, " : " rows deleted, ";
  for (size_t i = 0; i < oldest.size(); ++i) {
    const PruneTarget& target = plan_.targets[i];
    const int64_t gone = options_.dry_run ? target.left() : target.deleted;
    const std::string about = options_.dry_run && target.left_by_limit > 0 && options_.max_bytes > 0 ? "about " : "";
    std::string line =
        target.name + ": " + about + std::to_string(gone) + verb + std::to_string(target.rows - gone) + " kept";
    if (!options_.dry_run && target.left() > 0) line += ", of which " + std::to_string(target.left()) + " are to go";
    if (!options_.dry_run && !oldest[i].empty()) line += ", oldest " + oldest[i];
    console_->Say(line);
  }
  console_->Say("database: " + BytesText(size.used_bytes()) + " in use, " +
                BytesText(size.free_pages * size.page_bytes) + " free for new rows" +
                (returned_pages_ > 0
                     ? ", " + BytesText(returned_pages_ * size.page_bytes) + " given back to the file system"
                     : ""));
}

void Prune::WriteJson(const std::vector<std::string>& oldest, const DatabaseSize& size) {
  std::string text;
  json::Writer w(&text);
  w.BeginObject().Key("dry_run").Bool(options_.dry_run).Key("tables").BeginArray();
  for (size_t i = 0; i < oldest.size(); ++i) {
    const PruneTarget& target = plan_.targets[i];
    w.BeginObject().Key("table").String(target.name).Key("rows_deleted").Int(target.deleted);
    w.Key("rows_remaining").Int(target.left()).Key("rows_kept").Int(target.kept());
    if (target.waiting > 0) w.Key("rows_not_aggregated").Int(target.waiting);
    w.Key("oldest_kept");
    if (oldest[i].empty()) {
      w.Null();
    } else {
      w.String(oldest[i]);
    }
    w.EndObject();
  }
  w.EndArray().Key("rows_deleted").Int(plan_.deleted()).Key("rows_remaining").Int(plan_.left());
  w.Key("used_bytes").Int(size.used_bytes()).Key("free_bytes").Int(size.free_pages * size.page_bytes);
  w.Key("returned_bytes").Int(returned_pages_ * size.page_bytes);
  w.Key("stopped_by");
  if (halt_ == PruneBatches::Halt::kNone) {
    w.Null();
  } else {
    w.String(NameOf(halt_));
  }
  w.EndObject();
  console_->Print(text);
}

int Prune::End() {
  if (halt_ == PruneBatches::Halt::kReader) {
    return console_->Fail(EX_TEMPFAIL, "a reader holds the WAL, which is over " + BytesText(options_.max_wal_bytes) +
                                           " now: " + summary_);
  }
  if (halt_ == PruneBatches::Halt::kBudget) {
    console_->Say("the time budget is used up: " + std::to_string(plan_.left()) +
                  " rows are left, the next run goes on");
  }
  int code = EX_OK;
  if (plan_.requests().waiting > 0) {
    code = kExitFindings;
    console_->Warn("request_logs: " + std::to_string(plan_.requests().waiting) +
                   " old rows are in no roll-up yet and stay: does gemini-code-aggregate run?");
  }
  if (plan_.limit_is_missed) {
    code = kExitFindings;
    console_->Warn("the limit on rows or bytes is exceeded by what may not go");
  }
  return code;
}

}  // namespace

int RunPrune(const PruneOptions& options, Console* console, Clock& clock) {
  std::optional<JobLock> lock;
  if (!options.dry_run) {
    auto taken = JobLock::Take(options.database_path, kJob, options.lock_wait_s);
    if (!taken) return console->Fail(taken.error());
    lock.emplace(std::move(*taken));
  }
  const SessionMode mode = options.dry_run ? SessionMode::kReadOnly : SessionMode::kReadWrite;
  auto session = OpenSession(options.database_path, store::Database::kMain, mode, kBusyTimeoutMs);
  if (!session) return console->Fail(session.error());
  Prune prune(options, std::move(*session), console, clock);
  if (options.dry_run) return prune.Run();
  JobRecord record(console, options.database_path, kJob);
  const int code = prune.Run();
  record.row().rows = prune.deleted();
  record.row().message = prune.summary();
  return record.End(code);
}

}  // namespace gc::jobs
