// log_test.cc: the process log: one redacted line per message, levels, and files that move.
// SPDX-License-Identifier: MIT
#include "base/log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/temp_dir.h"

namespace gc {
namespace {

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { LogInit("", "info"); }

  std::vector<std::string> Lines(const std::string& file) const {
    std::vector<std::string> lines;
    std::istringstream in(ReadFile(file));
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  const TempDir dir_;
  const std::string file_ = dir_.Path("gateway.log");
};

TEST_F(LogTest, OneLogfmtLinePerMessage) {
  LogInit(file_, "info");
  Log(LogLevel::kWarn, "two\r\nlines and a \"quote\"", {{"path", "/a b"}, {"bytes", std::string_view("\xFF\0\n", 3)}});
  Log(LogLevel::kError, "plain");
  std::string text = ReadFile(file_);
  const std::string pid = "pid=" + std::to_string(getpid());
  for (size_t at = text.find(pid); at != std::string::npos; at = text.find(pid)) text.replace(at, pid.size(), "pid=P");
  for (char& c : text) c = c >= '0' && c <= '9' ? '0' : c;
  EXPECT_EQ(text,
            "0000-00-00T00:00:00.000Z level=warn pid=P msg=\"two\\r\\nlines and a \\\"quote\\\"\" path=\"/a b\" "
            "bytes=\"\xEF\xBF\xBD\\u0000\\n\"\n"
            "0000-00-00T00:00:00.000Z level=error pid=P msg=\"plain\"\n");
}

TEST_F(LogTest, RedactsMessageAndFields) {
  LogInit(file_, "info");
  Log(LogLevel::kInfo, "called ?key=s3cret", {{"header", "Bearer abcdef"}});
  const std::string text = ReadFile(file_);
  EXPECT_EQ(text.find("s3cret"), std::string::npos) << text;
  EXPECT_EQ(text.find("abcdef"), std::string::npos) << text;
  EXPECT_NE(text.find("msg=\"called ?key=[redacted]\" header=\"Bearer [redacted]\""), std::string::npos) << text;
}

TEST_F(LogTest, LevelHidesWhatIsBelow) {
  const struct {
    const char* level;
    size_t lines;
  } cases[] = {{"debug", 4}, {"info", 3}, {"warn", 2}, {"error", 1}};
  for (const auto& c : cases) {
    const std::string file = dir_.Path(c.level);
    LogInit(file, c.level);
    for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) Log(level, "x");
    EXPECT_EQ(Lines(file).size(), c.lines) << c.level;
  }
}

TEST_F(LogTest, AnUnknownLevelChangesNothing) {
  LogInit(file_, "error");
  LogInit(file_, "loud");
  Log(LogLevel::kWarn, "x");
  Log(LogLevel::kError, "y");
  EXPECT_EQ(Lines(file_).size(), 1U);
}

TEST_F(LogTest, FollowsARename) {
  LogInit(file_, "info");
  Log(LogLevel::kInfo, "first");
  ASSERT_EQ(rename(file_.c_str(), dir_.Path("gateway.log.1").c_str()), 0);
  Log(LogLevel::kInfo, "second");
  ASSERT_EQ(unlink(file_.c_str()), 0);
  Log(LogLevel::kInfo, "third");
  Log(LogLevel::kInfo, "fourth");
  ASSERT_EQ(Lines(dir_.Path("gateway.log.1")).size(), 1U);
  EXPECT_NE(Lines(dir_.Path("gateway.log.1"))[0].find("first"), std::string::npos);
  ASSERT_EQ(Lines(file_).size(), 2U);
  EXPECT_NE(Lines(file_)[0].find("third"), std::string::npos);
}

TEST_F(LogTest, AppendsToAFileForTheOwnerOnly) {
  LogInit(file_, "info");
  Log(LogLevel::kInfo, "first");
  struct stat info {};
  ASSERT_EQ(stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  LogInit(dir_.Path("other"), "info");
  LogInit(file_, "info");
  Log(LogLevel::kInfo, "second");
  EXPECT_EQ(Lines(file_).size(), 2U);
}

TEST_F(LogTest, FallsBackToStandardError) {
  LogInit(dir_.Path("no/such/directory/log"), "info");
  testing::internal::CaptureStderr();
  Log(LogLevel::kInfo, "unwritable");
  LogInit("", "info");
  Log(LogLevel::kInfo, "nameless");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("msg=\"unwritable\""), std::string::npos) << text;
  EXPECT_NE(text.find("msg=\"nameless\""), std::string::npos) << text;
}

TEST_F(LogTest, ThreadsDoNotMixTheirLines) {
  LogInit(file_, "info");
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 100; ++i) Log(LogLevel::kInfo, "message", {{"text", std::string(200, 'x')}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto lines = Lines(file_);
  EXPECT_EQ(lines.size(), 400U);
  const std::string tail = "msg=\"message\" text=\"" + std::string(200, 'x') + "\"";
  EXPECT_TRUE(std::all_of(lines.begin(), lines.end(), [&](const auto& line) { return line.ends_with(tail); }));
}

}  // namespace
}  // namespace gc
