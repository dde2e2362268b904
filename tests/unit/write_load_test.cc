// write_load_test.cc: the load that the jobs are measured under counts right.
// SPDX-License-Identifier: MIT
#include "support/write_load.h"

#include <gtest/gtest.h>

#include "store_fixture.h"

namespace gc::test {
namespace {

class WriteLoadTest : public store::StoreTest {
 protected:
  WriteLoadOptions Options(int writers) const { return {db_, spool_dir_, writers, 2000}; }
};

TEST_F(WriteLoadTest, FillsEvenlyOverTime) {
  ASSERT_TRUE(FillLog(db_, 1001, 1'000'000, 2'000'000).ok());
  EXPECT_EQ(Rows("SELECT count(*), min(timestamp), max(timestamp) FROM request_logs"), "1001|1000000|2000000");
  EXPECT_EQ(Int("SELECT count(*) FROM request_logs WHERE timestamp < 1500000"), 500);
  EXPECT_EQ(Int("SELECT count(*) FROM error_logs"), 20);
}

TEST_F(WriteLoadTest, EveryRowIsInTheDatabaseAndHasALatency) {
  WriteLoad load(Options(4));
  ASSERT_TRUE(store::WaitUntil(10'000, [&] { return Int("SELECT count(*) FROM request_logs") >= 200; }));
  const WriteLoadResult& result = load.Stop();
  EXPECT_EQ(result.committed, result.added);
  EXPECT_EQ(result.latencies_ms.size(), static_cast<size_t>(result.added));
  EXPECT_EQ(Int("SELECT count(*) FROM request_logs"), result.added);
  EXPECT_LE(result.Percentile(0.5), result.Percentile(0.99));
}

TEST_F(WriteLoadTest, ALockedDatabaseShowsInTheLatencies) {
  auto holder = Open();
  auto held = store::Transaction::Begin(holder);
  ASSERT_TRUE(held.ok());
  WriteLoad load(Options(2));
  ASSERT_TRUE(store::WaitUntil(10'000, [&] { return SpoolLines() > 0; }));
  held->Rollback();
  ASSERT_TRUE(store::WaitUntil(10'000, [&] { return Int("SELECT count(*) FROM request_logs") > 0; }));
  const WriteLoadResult& result = load.Stop();
  EXPECT_GT(result.spooled, 0);
  EXPECT_EQ(result.spooled + result.committed, result.added);
  EXPECT_GT(result.Percentile(1), result.Percentile(0.5));
}

}  // namespace
}  // namespace gc::test
