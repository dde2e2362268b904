// jobs_test.cc: what all jobs share: values of options, messages, locks, the record of a run, sessions.
// SPDX-License-Identifier: MIT
#include <Poco/Data/Statement.h>
#include <gtest/gtest.h>
#include <sysexits.h>

#include <sstream>

#include "base/json.h"
#include "base/version.h"
#include "jobs/job.h"
#include "jobs/job_run.h"
#include "jobs/session.h"
#include "unit/store_fixture.h"

namespace gc::jobs {
namespace {

using Poco::Data::Keywords::into;
using Poco::Data::Keywords::now;
using store::StoreTest;

TEST(JobValues, AreReadWithTheirUnits) {
  struct Case {
    const char* name;
    Result<int64_t> value;
    int64_t expected;  // -1: refused
  };
  const Case cases[] = {
      {"seconds", ReadDuration("90"), 90},
      {"seconds, said", ReadDuration("90s"), 90},
      {"days", ReadDuration("30d"), 30 * 86400},
      {"weeks", ReadDuration("2w"), 14 * 86400},
      {"zero", ReadDuration("0"), 0},
      {"no number", ReadDuration("d"), -1},
      {"unknown unit", ReadDuration("3y"), -1},
      {"two units", ReadDuration("1h30m"), -1},
      {"negative", ReadDuration("-1d"), -1},
      {"blank", ReadDuration(""), -1},
      {"too much", ReadDuration("9223372036854775807d"), -1},
      {"bytes", ReadBytes("500000"), 500000},
      {"mebibytes", ReadBytes("10M"), 10 << 20},
      {"lower case", ReadBytes("10m"), -1},
      {"integer", ReadInteger("7", 1, 10), 7},
      {"below", ReadInteger("0", 1, 10), -1},
      {"above", ReadInteger("11", 1, 10), -1},
      {"with a unit", ReadInteger("7d", 1, 10), -1},
  };
  for (const Case& c : cases) EXPECT_EQ(c.value ? *c.value : -1, c.expected) << c.name;
  EXPECT_EQ(BytesText(1023) + ", " + BytesText(1536) + ", " + BytesText(int64_t{3} << 30), "1023 B, 1.5 KiB, 3.0 GiB");
  EXPECT_EQ(TimeText(1'700'000'000), "2023-11-14T22:13:20Z");
}

class ConsoleTest : public testing::Test {
 protected:
  std::ostringstream out_;
  std::ostringstream err_;
  Console console_{"gemini-code-test", out_, err_};
};

TEST_F(ConsoleTest, QuietKeepsWarningsAndErrors) {
  console_.verbosity = Verbosity::kQuiet;
  console_.Say("result");
  console_.Note("detail");
  console_.Warn("beware");
  EXPECT_EQ(console_.Fail(EX_TEMPFAIL, "locked"), EX_TEMPFAIL);
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(err_.str(), "gemini-code-test: warning: beware\ngemini-code-test: locked\n");
}

TEST_F(ConsoleTest, JsonHasADocumentForEachMessage) {
  console_.format = OutputFormat::kJson;
  console_.Say("for people");
  console_.Warn("beware");
  console_.Fail({ErrorKind::kCorrupt, "damaged"});
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(err_.str(), R"({"message_type":"warning","message":"beware"})"
                        "\n"
                        R"({"message_type":"exit_error","code":65,"message":"damaged"})"
                        "\n");
}

class JobRunTest : public StoreTest {
 protected:
  std::ostringstream out_;
  std::ostringstream err_;
  Console console_{"gemini-code-test", out_, err_};
};

TEST_F(JobRunTest, SecondCopyIsRefusedAndTold) {
  auto first = JobLock::Take(db_, "prune", 0);
  ASSERT_TRUE(first.ok()) << first.error().message;
  const auto second = JobLock::Take(db_, "prune", 0);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(ExitCodeOf(second.error().kind), EX_TEMPFAIL);
  EXPECT_NE(second.error().message.find("pid " + std::to_string(getpid())), std::string::npos)
      << second.error().message;
  EXPECT_TRUE(JobLock::Take(db_, "backup", 0).ok()) << "another job";
  { const JobLock ended = std::move(*first); }
  EXPECT_TRUE(JobLock::Take(db_, "prune", 0).ok()) << "after the first ended";
}

TEST_F(JobRunTest, RowTellsHowItWent) {
  JobRecord record(&console_, db_, "prune");
  EXPECT_EQ(Rows("SELECT job, rc, finished_at FROM job_runs"), "prune|-|-");
  record.row().rows = 12;
  record.row().message = "12 rows";
  EXPECT_EQ(record.End(1), 1);
  EXPECT_EQ(Rows("SELECT job, rc, rows, bytes, message, version, finished_at >= started_at FROM job_runs"),
            std::string("prune|1|12|-|12 rows|") + kVersion + "|1");
  EXPECT_EQ(err_.str(), "");
}

TEST_F(JobRunTest, RowIsAddedWhereTheBeginningIsGone) {
  JobRecord record(&console_, db_, "restore");
  ASSERT_TRUE(Open()
                  .Execute("DELETE FROM job_runs; "
                           "INSERT INTO job_runs(seq,job,host,started_at,version) VALUES(1,'x','h',5,'v')")
                  .ok());
  record.End(0);
  EXPECT_EQ(Rows("SELECT job, rc FROM job_runs ORDER BY seq"), "x|-\nrestore|0");
}

TEST_F(JobRunTest, StatesTellTheLastSuccess) {
  auto connection = Open();
  ASSERT_TRUE(
      connection
          .Execute("INSERT INTO job_runs(job,host,started_at,finished_at,rc,version) VALUES"
                   "('backup','h',100,110,0,'v'),('backup','h',200,210,74,'v'),('backup','h',300,NULL,NULL,'v'),"
                   "('prune','h',50,55,75,'v')")
          .ok());
  const auto states = store::ReadJobStates(connection);
  ASSERT_TRUE(states.ok()) << states.error().message;
  ASSERT_EQ(states->size(), 2U);
  EXPECT_EQ((*states)[0].job, "backup");
  EXPECT_EQ((*states)[0].last_success_unix_s, 110);
  EXPECT_EQ((*states)[0].last_started_unix_s, 300);
  EXPECT_EQ((*states)[0].last_rc, 74);
  EXPECT_EQ((*states)[1].last_success_unix_s, std::nullopt);
}

TEST_F(JobRunTest, SessionHasThePragmasAndRefusesStrangers) {
  auto session = OpenSession(db_, store::Database::kMain, SessionMode::kReadWrite, 1000);
  ASSERT_TRUE(session.ok()) << session.error().message;
  int checkpoint = -1;
  int synchronous = -1;
  *session << "PRAGMA wal_autocheckpoint", into(checkpoint), now;
  *session << "PRAGMA synchronous", into(synchronous), now;
  EXPECT_EQ(checkpoint, 0);
  EXPECT_EQ(synchronous, 1);
  EXPECT_EQ(OpenSession(dir_.Path("none.db"), store::Database::kMain, SessionMode::kReadWrite, 1000).error().kind,
            ErrorKind::kNotFound);
  EXPECT_EQ(OpenSession(db_, store::Database::kState, SessionMode::kReadOnly, 1000).error().kind, ErrorKind::kConfig);
}

TEST_F(JobRunTest, SessionTurnsExceptionsIntoErrors) {
  auto reader = OpenSession(db_, store::Database::kMain, SessionMode::kReadOnly, 0);
  ASSERT_TRUE(reader.ok()) << reader.error().message;
  const Status refused = Try(*reader, [&] { *reader << "DELETE FROM totals", now; });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kReadOnly) << refused.error().message;

  auto holder = Open();
  auto held = store::Transaction::Begin(holder);
  ASSERT_TRUE(held.ok());
  auto writer = OpenSession(db_, store::Database::kMain, SessionMode::kReadWrite, 0);
  ASSERT_TRUE(writer.ok()) << writer.error().message;
  const Status busy = Try(*writer, [&] { ImmediateTransaction transaction(*writer); });
  ASSERT_FALSE(busy.ok());
  EXPECT_EQ(busy.error().kind, ErrorKind::kBusy) << busy.error().message;
}

TEST_F(JobRunTest, TransactionRollsBackUnlessCommitted) {
  auto session = OpenSession(db_, store::Database::kMain, SessionMode::kReadWrite, 1000);
  ASSERT_TRUE(session.ok()) << session.error().message;
  {
    ImmediateTransaction transaction(*session);
    *session << "INSERT INTO totals(id,since) VALUES(1,5)", now;
  }
  EXPECT_EQ(Int("SELECT count(*) FROM totals"), 0);
  ImmediateTransaction transaction(*session);
  *session << "INSERT INTO totals(id,since) VALUES(1,5)", now;
  transaction.Commit();
  EXPECT_EQ(Int("SELECT count(*) FROM totals"), 1);
}

}  // namespace
}  // namespace gc::jobs
