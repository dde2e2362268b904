// backup_set_test.cc: names of backups, which one a time means, and what retention keeps.
// SPDX-License-Identifier: MIT
#include "jobs/backup_set.h"

#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace gc::jobs {
namespace {

constexpr int64_t kDay = 86400;
constexpr int64_t kNoon = 1'795'521'600;  // Tuesday, 2026-11-24T12:00:00Z

Backup At(int64_t unix_s, BackupFormat format = BackupFormat::kDatabase, bool safety_copy = false) {
  return {{unix_s, 2, safety_copy, format}, 1, true};
}

TEST(BackupName, IsReadAsItIsWritten) {
  const struct {
    const char* text;
    bool ours;
  } cases[] = {
      {"gemini-code-20261123T015358Z-s0002.db.zst", true},
      {"gemini-code-20261123T015358Z-s0002.sql", true},
      {"gemini-code-20261123T015358Z-s0012-safety.db.zst", true},
      {"gemini-code-20240229T235959Z-s0001.db.zst", true},
      {"gemini-code-20230229T235959Z-s0001.db.zst", false},
      {"gemini-code-20261323T015358Z-s0002.db.zst", false},
      {"gemini-code-20261123T245358Z-s0002.db.zst", false},
      {"gemini-code-20261123T015358Z-s0002.db", false},
      {"gemini-code-20261123T015358Z-s0002.db.zst.json", false},
      {"gemini-code-20261123T015358Z-s0002-mine.db.zst", false},
      {"gemini-code-20261123T015358Z-s2.db.zst", false},
      {"gemini-code-2026-1-3T015358Z-s0002.db.zst", false},
      {".gemini-code-20261123T015358Z-s0002.db.zst.partial", false},
      {"notes.txt", false},
      {"", false},
  };
  for (const auto& c : cases) {
    const auto name = BackupName::Parse(c.text);
    EXPECT_EQ(name.has_value(), c.ours) << c.text;
    EXPECT_EQ(name ? name->Text() : c.text, c.text);
  }
  EXPECT_EQ(BackupName::Parse("gemini-code-20261124T120000Z-s0002.sql")->created_unix_s, kNoon);
}

TEST(BackupSet, ADirectoryIsListedByAge) {
  const TempDir dir;
  dir.Write("gemini-code-20261124T120000Z-s0002.db.zst", "1234");
  dir.Write("gemini-code-20261124T120000Z-s0002.db.zst.json", "{}");
  dir.Write("gemini-code-20261123T120000Z-s0002.sql", "12");
  dir.Write("gemini-code-20261122T120000Z-s0002.sql/inside", "a directory of that name");
  dir.Write("notes.txt", "foreign");
  const auto backups = ListBackups(dir.path());
  ASSERT_TRUE(backups.ok());
  ASSERT_EQ(backups->size(), 2U);
  EXPECT_EQ((*backups)[0].name.Text(), "gemini-code-20261123T120000Z-s0002.sql");
  EXPECT_FALSE((*backups)[0].has_manifest);
  EXPECT_EQ((*backups)[1].bytes, 4);
  EXPECT_TRUE((*backups)[1].has_manifest);
  ASSERT_TRUE(ListBackups(dir.Path("none")).ok());
  EXPECT_TRUE(ListBackups(dir.Path("none"))->empty());
}

TEST(BackupSet, ATimeMeansTheNewestNotAfterIt) {
  const Backup backups[] = {At(kNoon - 2 * kDay), At(kNoon - kDay), At(kNoon - kDay + 60),
                            At(kNoon - kDay + 120, BackupFormat::kDatabase, true), At(kNoon)};
  const struct {
    const char* when;
    int64_t found;  // 0: kNotFound, -1: kInvalid
  } cases[] = {
      {"latest", kNoon},
      {"2026-11-24", kNoon},
      {"2027-01-01", kNoon},
      {"2026-11-23", kNoon - kDay + 60},
      {"2026-11-22", kNoon - 2 * kDay},
      {"2026-11-21", 0},
      {"2026-11-23T12:00:00Z", kNoon - kDay},
      {"2026-11-23T12:00:59Z", kNoon - kDay},
      {"2026-11-23T14:01:00+02:00", kNoon - kDay + 60},
      {"2026-11-23T07:00:00-05:00", kNoon - kDay},
      {"2026-11-24 11:59:59Z", kNoon - kDay + 60},
      {"2026-11-31", -1},
      {"2026-11-23T12:00:00", -1},
      {"2026-11-23T12:00Z", -1},
      {"2026-11-23x", -1},
      {"yesterday", -1},
      {"", -1},
  };
  for (const auto& c : cases) {
    const auto found = FindBackup(backups, c.when);
    if (found) {
      EXPECT_EQ(found->name.created_unix_s, c.found) << c.when;
      EXPECT_FALSE(found->name.safety_copy);
    } else {
      EXPECT_EQ(found.error().kind, c.found == 0 ? ErrorKind::kNotFound : ErrorKind::kInvalid) << c.when;
      EXPECT_LE(c.found, 0) << c.when;
    }
  }
  EXPECT_EQ(Newest({}), nullptr);
}

std::string Days(const std::vector<Backup>& backups) {
  std::string text;
  for (const Backup& backup : backups) text += std::to_string((kNoon - backup.name.created_unix_s) / kDay) + " ";
  return text;
}

TEST(Retention, KeepsTheNewestOfEachPeriodThatHasOne) {
  std::vector<Backup> daily;
  for (int day = 100; day >= 0; --day) daily.push_back(At(kNoon - day * kDay));
  std::vector<Backup> hourly;
  for (int hour = 30; hour >= 0; --hour) hourly.push_back(At(kNoon - int64_t{hour} * 3600));
  const struct {
    const char* name;
    std::vector<Backup> backups;
    Retention retention;
    std::string kept;  // days before kNoon
  } cases[] = {
      {"days", daily, {3, 0, 0}, "2 1 0 "},
      // Sundays before Tuesday the 24th are 2, 9, 16 days back.
      {"weeks", daily, {0, 4, 0}, "16 9 2 0 "},
      // The last days of October, September, August are 24, 55, 85 days back.
      {"months", daily, {0, 0, 4}, "85 55 24 0 "},
      {"all rules", daily, {3, 3, 2}, "24 9 2 1 0 "},
      {"nothing", daily, {0, 0, 0}, "0 "},
      {"gaps do not count", {At(kNoon - 90 * kDay), At(kNoon - 60 * kDay), At(kNoon - kDay)}, {3, 0, 0}, "90 60 1 "},
      {"one a day", hourly, {2, 0, 0}, "0 0 "},
      {"an old one alone", {At(kNoon - 4000 * kDay)}, {7, 4, 6}, "4000 "},
      {"none", {}, {7, 4, 6}, ""},
  };
  for (const auto& c : cases) {
    const RetentionPlan plan = PlanRetention(c.backups, c.retention, kNoon);
    EXPECT_EQ(Days(plan.keep), c.kept) << c.name;
    EXPECT_EQ(plan.keep.size() + plan.remove.size(), c.backups.size()) << c.name;
    EXPECT_TRUE(plan.future.empty()) << c.name;
  }
}

TEST(Retention, FutureOnesStayAndCountForNothing) {
  const std::vector<Backup> backups = {At(kNoon - 2 * kDay), At(kNoon - kDay), At(kNoon + 10), At(kNoon + 400 * kDay)};
  const RetentionPlan plan = PlanRetention(backups, {2, 0, 0}, kNoon);
  EXPECT_EQ(Days(plan.future), "-400 ");
  EXPECT_EQ(Days(plan.keep), "1 0 -400 ");
  EXPECT_EQ(Days(plan.remove), "2 ");
}

TEST(Retention, FormatsAndSafetyCopiesStandForThemselves) {
  const std::vector<Backup> backups = {
      At(kNoon - 40 * kDay, BackupFormat::kDatabase, true),
      At(kNoon - 20 * kDay, BackupFormat::kDatabase, true),
      At(kNoon - 10 * kDay, BackupFormat::kSql),
      At(kNoon - 5 * kDay, BackupFormat::kSql),
      At(kNoon - kDay),
      At(kNoon),
      At(kNoon + 60, BackupFormat::kDatabase, true),
  };
  const RetentionPlan plan = PlanRetention(backups, {1, 0, 0}, kNoon);
  EXPECT_EQ(Days(plan.remove), "40 10 1 ");
  EXPECT_EQ(Days(plan.keep), "20 5 0 0 ");
}

}  // namespace
}  // namespace gc::jobs
