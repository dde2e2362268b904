// support_test.cc: the helpers that the other tests trust: processes, HTTP client, database reader.
// SPDX-License-Identifier: MIT
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "support/database.h"
#include "support/fake_gemini.h"
#include "support/http.h"
#include "support/process.h"

namespace gc::test {
namespace {

Command Shell(std::string script) {
  Command command;
  command.argv = {"sh", "-c", std::move(script)};
  return command;
}

TEST(RunTest, ReportsCodeAndBothOutputs) {
  struct Row {
    std::string script;
    int code;
    std::string out;
    std::string err;
  };
  for (const Row& row : {Row{"echo out; echo err >&2; exit 3", 3, "out\n", "err\n"}, Row{"kill -9 $$", 128 + 9, "", ""},
                         Row{"exit 0", 0, "", ""}}) {
    SCOPED_TRACE(row.script);
    const RunResult result = RunCommand(Shell(row.script));
    EXPECT_EQ(result.code, row.code);
    EXPECT_EQ(result.out, row.out);
    EXPECT_EQ(result.err, row.err);
  }
}

TEST(RunTest, SetsUpTheChild) {
  TempDir dir;
  ASSERT_EQ(setenv("GC_TEST_INHERITED", "inherited", 1), 0);
  Command command = Shell("pwd; echo $ADDED; echo ${GC_TEST_INHERITED-none}; cat");
  command.cwd = dir.path();
  command.env = {"ADDED=yes"};
  command.input = "from stdin";
  EXPECT_EQ(RunCommand(command).out, dir.path() + "\nyes\ninherited\nfrom stdin");
  command.environment = Environment::kOnlyGiven;
  command.argv[0] = "/bin/sh";
  EXPECT_EQ(RunCommand(command).out, dir.path() + "\nyes\nnone\nfrom stdin");
  unsetenv("GC_TEST_INHERITED");
  command.argv = {"/no/such/program"};
  EXPECT_EQ(RunCommand(command).code, 127);
  EXPECT_EQ(RunCommand(Shell("sleep 60"), 20).code, -1);
}

TEST(ProcessTest, LinesSignalsAndReaping) {
  Process process(Shell("trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done"));
  EXPECT_EQ(process.ReadLine(5000), "ready");
  EXPECT_EQ(process.ReadLine(10), std::nullopt);
  EXPECT_TRUE(process.IsRunning());
  EXPECT_EQ(process.Wait(10), std::nullopt);
  EXPECT_EQ(process.Stop(5000), 5);
  EXPECT_EQ(process.ReadLine(1000), "bye");
  EXPECT_FALSE(process.IsRunning());
  EXPECT_EQ(process.Wait(0), 5) << "the answer stays";
}

TEST(ProcessTest, DestructionTakesTheWholeGroup) {
  pid_t grandchild = 0;
  pid_t leader = 0;
  {
    Process process(Shell("sleep 60 & echo $!; wait"));
    grandchild = static_cast<pid_t>(std::stol(process.ReadLine(5000).value_or("0")));
    leader = process.pid();
    ASSERT_GT(grandchild, 0);
    EXPECT_EQ(Children(leader), std::vector<pid_t>{grandchild});
  }
  EXPECT_EQ(kill(leader, 0), -1) << "reaped";
  EXPECT_TRUE(WaitUntil([&] {
    const std::string stat = ReadFile("/proc/" + std::to_string(grandchild) + "/stat");
    return stat.empty() || stat.find(") Z ") != std::string::npos;  // its new parent may take its time
  }));
}

TEST(ProcTest, ReadsThisProcess) {
  EXPECT_GT(RssKb(getpid()), 1000);
  EXPECT_GE(ThreadCount(getpid()), 1);
  EXPECT_GE(OpenFiles(getpid()), 3);
  const int64_t before = CpuTicks(getpid());
  EXPECT_GE(before, 0);
  volatile uint64_t work = 0;
  EXPECT_TRUE(WaitUntil([&] {
    for (int i = 0; i < 3'000'000; ++i) work = work + 1;
    return CpuTicks(getpid()) > before;
  }));
  EXPECT_EQ(RssKb(0x7FFFFFFF), -1);
  EXPECT_EQ(CpuTicks(0x7FFFFFFF), -1);
  EXPECT_EQ(OpenFiles(0x7FFFFFFF), -1);
}

TEST(WaitUntilTest, GivesUp) {
  int calls = 0;
  EXPECT_FALSE(WaitUntil([&] { return ++calls < 0; }, 20));
  EXPECT_GT(calls, 1);
  EXPECT_TRUE(WaitUntil([] { return true; }, 0));
}

TEST(SseSplitterTest, CutsAnywhere) {
  const std::string text = ": hello\n\nevent: a\ndata: 1\ndata: 2\n\ndata:3\r\n\r\n\ndata: tail";
  for (size_t size = 1; size < text.size(); ++size) {
    SseSplitter splitter;
    std::vector<SseEvent> events;
    for (size_t at = 0; at < text.size(); at += size) {
      for (SseEvent& event : splitter.Feed(std::string_view(text).substr(at, size))) events.push_back(std::move(event));
    }
    ASSERT_EQ(events.size(), 2U) << "pieces of " << size;
    EXPECT_EQ(events[0].event, "a");
    EXPECT_EQ(events[0].data, "1\n2");
    EXPECT_EQ(events[1].data, "3");
    EXPECT_EQ(splitter.comments(), 1);
    EXPECT_NE(splitter.tail().find("data: tail"), std::string::npos);
  }
}

class HttpTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(fake_.Start().ok()); }
  HttpCall Ask(const std::string& words) const {
    return Post(fake_.base_url() + "/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse",
                R"({"contents":[{"parts":[{"text":"x [[fake: )" + words + R"(]]"}]}]})",
                {"x-goog-api-key: test-key-1"});
  }
  FakeGemini fake_;
};

TEST_F(HttpTest, RepliesHaveStatusHeadersAndBody) {
  HttpCall call;
  call.url = fake_.base_url() + "/a/../b";
  const HttpReply reply = Do(call);
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.Header("content-type"), "text/html; charset=UTF-8");
  EXPECT_EQ(reply.Header("x-none"), "");
  EXPECT_TRUE(reply.error.empty());
  EXPECT_EQ(fake_.Requests().at(0).path, "/a/../b") << "paths go out as written";
  fake_.Stop();
  const HttpReply refused = Do(call);
  EXPECT_EQ(refused.status, 0);
  EXPECT_FALSE(refused.error.empty());
}

TEST_F(HttpTest, StreamsReportTheirCompleteness) {
  const std::vector<HttpCall> calls = {Ask("chunks=5"), Ask("chunks=5 cut_after=2"), Ask("status=503"),
                                       Ask("chunks=5 until_close cut_bytes=40")};
  const auto results = RunStreams(calls);
  EXPECT_TRUE(results[0].complete());
  EXPECT_EQ(results[0].events.size(), 5U);
  EXPECT_GE(results[0].first_event_us, 0);
  EXPECT_FALSE(results[1].complete());
  EXPECT_EQ(results[1].events.size(), 2U);
  EXPECT_FALSE(results[2].complete());
  EXPECT_NE(results[2].body.find("UNAVAILABLE"), std::string::npos);
  EXPECT_FALSE(results[3].complete()) << "an unfinished event";
  EXPECT_FALSE(results[3].tail.empty());
}

TEST_F(HttpTest, RunsAThousandStreamsAtOnce) {
  constexpr size_t kStreams = 1000;
  size_t first_events = 0;
  const auto results =
      RunStreams(std::vector<HttpCall>(kStreams, Ask("chunks=3 hold=all@1")), [&](size_t, const SseEvent&) {
        if (++first_events == kStreams) fake_.Release("all");
      });
  size_t complete = 0;
  for (const StreamResult& result : results) complete += result.complete() && result.events.size() == 3 ? 1 : 0;
  EXPECT_EQ(complete, kStreams);
}

class DatabaseTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(sqlite3_open(file_.c_str(), &writer_), SQLITE_OK);
    Write("PRAGMA journal_mode=WAL; CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 'x'), (2, NULL)");
  }
  void TearDown() override { sqlite3_close(writer_); }
  void Write(const char* sql) { ASSERT_EQ(sqlite3_exec(writer_, sql, nullptr, nullptr, nullptr), SQLITE_OK); }

  TempDir dir_;
  std::string file_ = dir_.Path("t.db");
  sqlite3* writer_ = nullptr;
};

TEST_F(DatabaseTest, SeesWhatIsCommitted) {
  const Database reader(file_);
  EXPECT_EQ(reader.Query("SELECT a, b FROM t ORDER BY a"), (std::vector<Row>{{"1", "x"}, {"2", "NULL"}}));
  Write("BEGIN IMMEDIATE; INSERT INTO t VALUES(3, 'y')");
  EXPECT_EQ(reader.Number("SELECT count(*) FROM t"), 2);
  Write("COMMIT");
  EXPECT_EQ(reader.Number("SELECT count(*) FROM t"), 3);
  EXPECT_EQ(reader.One("SELECT b FROM t WHERE b = ?", {"y"}), "y");
  EXPECT_EQ(reader.One("SELECT b FROM t WHERE a = 9"), "");
  EXPECT_EQ(reader.IntegrityCheck(), "ok");
}

TEST_F(DatabaseTest, FailsTheTestAndNeverWrites) {
  const Database reader(file_);
  EXPECT_NONFATAL_FAILURE(reader.Query("SELECT ghost FROM t"), "no such column");
  EXPECT_NONFATAL_FAILURE(reader.Query("DELETE FROM t"), "readonly");
}

}  // namespace
}  // namespace gc::test
