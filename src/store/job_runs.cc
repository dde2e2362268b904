// job_runs.cc: writes and reads job_runs.
// SPDX-License-Identifier: MIT
#include "store/job_runs.h"

namespace gc::store {
namespace {

void BindEnd(Statement* statement, const JobRunRow& row) {
  statement->BindInt(1, row.finished_unix_s).BindInt(2, row.rc).BindInt(3, row.rows).BindInt(4, row.bytes);
  statement->BindTextOrNull(5, row.message);
}

}  // namespace

Result<int64_t> AddJobRun(Connection& connection, const JobRunRow& row) {
  auto insert = connection.Prepare(
      "INSERT INTO job_runs(finished_at,rc,rows,bytes,message,job,host,started_at,version) "
      "VALUES(?,?,?,?,?,?,?,?,?) RETURNING seq");
  if (!insert) return insert.error();
  BindEnd(&*insert, row);
  insert->BindText(6, row.job).BindText(7, row.host).BindInt(8, row.started_unix_s).BindText(9, row.version);
  const auto stepped = insert->Step();
  if (!stepped) return stepped.error();
  const int64_t seq = insert->Int(0);
  // The row is committed when the statement is done.
  if (const auto done = insert->Step(); !done) return done.error();
  return seq;
}

Status EndJobRun(Connection& connection, int64_t seq, const JobRunRow& row) {
  auto update = connection.Prepare(
      "UPDATE job_runs SET finished_at=?,rc=?,rows=?,bytes=?,message=? "
      "WHERE seq=? AND job=? AND host=? AND started_at=?");
  if (!update) return update.error();
  BindEnd(&*update, row);
  update->BindInt(6, seq).BindText(7, row.job).BindText(8, row.host).BindInt(9, row.started_unix_s);
  if (Status s = update->Run(); !s.ok()) return s;
  if (connection.changes() > 0) return {};
  const auto added = AddJobRun(connection, row);
  if (!added) return added.error();
  return {};
}

Result<std::vector<JobState>> ReadJobStates(Connection& connection) {
  // Each job's last rows by the index (job, started_at), whatever the table's length.
  auto select = connection.Prepare(
      "WITH RECURSIVE jobs(job) AS (SELECT min(job) FROM job_runs UNION ALL "
      "  SELECT (SELECT min(job) FROM job_runs WHERE job > jobs.job) FROM jobs WHERE jobs.job IS NOT NULL) "
      "SELECT job,"
      " (SELECT finished_at FROM job_runs r WHERE r.job=jobs.job AND rc IN (0,1) ORDER BY started_at DESC LIMIT 1),"
      " (SELECT started_at FROM job_runs r WHERE r.job=jobs.job ORDER BY started_at DESC LIMIT 1),"
      " (SELECT rc FROM job_runs r WHERE r.job=jobs.job AND rc IS NOT NULL ORDER BY started_at DESC LIMIT 1) "
      "FROM jobs WHERE job IS NOT NULL");
  if (!select) return select.error();
  std::vector<JobState> states;
  for (;;) {
    const auto row = select->Step();
    if (!row) return row.error();
    if (!*row) return states;
    JobState state;
    state.job = select->Text(0);
    if (!select->IsNull(1)) state.last_success_unix_s = select->Int(1);
    state.last_started_unix_s = select->Int(2);
    if (!select->IsNull(3)) state.last_rc = select->Int(3);
    states.push_back(std::move(state));
  }
}

}  // namespace gc::store
