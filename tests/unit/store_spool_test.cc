// store_spool_test.cc: the spool file's lines, its cap, and what damaged files do to it.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <sstream>
#include <thread>
#include <vector>

#include "store/spool.h"
#include "unit/store_fixture.h"

namespace gc::store {
namespace {

class SpoolTest : public testing::Test {
 protected:
  std::vector<std::string> Lines() const {
    std::istringstream text(ReadFile(file_));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }

  TempDir dir_;
  const std::string spool_dir_ = dir_.Path("spool");
  const std::string file_ = spool_dir_ + "/" + kSpoolFile;
};

constexpr int64_t kPlenty = 1 << 20;

TEST_F(SpoolTest, EveryFieldComesBack) {
  RequestLogRow row = FullRow("id-1");
  row.has_error = true;
  row.error_type = "internal";
  row.error_message = "line\nbreak \x01 \"quote\" \xF0\x9F\x98\x80";
  row.key_rejected = true;
  row.upstream_status = 503;
  row.quota_id = "quota";
  row.cache = CacheUse::kMiss;
  const std::string line = ToSpoolLine(row);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << "one line";
  const auto back = ParseSpoolLine(line);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(ToSpoolLine(*back), line);
  // The equality above would not see a field that both directions forget; these are all of them.
  EXPECT_EQ(back->id, row.id);
  EXPECT_EQ(back->timestamp_unix_s, row.timestamp_unix_s);
  EXPECT_EQ(back->client_type, row.client_type);
  EXPECT_EQ(back->client_ip, row.client_ip);
  EXPECT_EQ(back->user_agent, row.user_agent);
  EXPECT_EQ(back->api_key_hash, row.api_key_hash);
  EXPECT_EQ(back->model, row.model);
  EXPECT_EQ(back->original_model, row.original_model);
  EXPECT_EQ(back->endpoint, row.endpoint);
  EXPECT_EQ(back->method, row.method);
  EXPECT_EQ(back->referer, row.referer);
  EXPECT_EQ(back->response_time_ms, row.response_time_ms);
  EXPECT_EQ(back->status_code, row.status_code);
  EXPECT_EQ(back->input_tokens, row.input_tokens);
  EXPECT_EQ(back->output_tokens, row.output_tokens);
  EXPECT_EQ(back->total_tokens, row.total_tokens);
  EXPECT_EQ(back->cached_tokens, row.cached_tokens);
  EXPECT_EQ(back->thoughts_tokens, row.thoughts_tokens);
  EXPECT_EQ(back->is_stream, row.is_stream);
  EXPECT_EQ(back->has_error, row.has_error);
  EXPECT_EQ(back->error_type, row.error_type);
  EXPECT_EQ(back->error_message, row.error_message);
  EXPECT_EQ(back->request_size, row.request_size);
  EXPECT_EQ(back->response_size, row.response_size);
  EXPECT_EQ(back->first_token_ms, row.first_token_ms);
  EXPECT_EQ(back->finish_reason, row.finish_reason);
  EXPECT_EQ(back->attempts, row.attempts);
  EXPECT_EQ(back->key_rejected, row.key_rejected);
  EXPECT_EQ(back->upstream_status, row.upstream_status);
  EXPECT_EQ(back->quota_id, row.quota_id);
  EXPECT_EQ(back->cache, row.cache);
}

TEST_F(SpoolTest, UnknownCountsStayUnknown) {
  RequestLogRow row;
  row.id = "id-1";
  const auto back = ParseSpoolLine(ToSpoolLine(row));
  ASSERT_TRUE(back.ok());
  EXPECT_FALSE(back->input_tokens || back->output_tokens || back->total_tokens || back->cached_tokens ||
               back->thoughts_tokens || back->first_token_ms);
}

TEST_F(SpoolTest, BadLinesAreRefused) {
  const struct {
    const char* name;
    const char* line;
  } cases[] = {
      {"empty", ""},
      {"torn", R"({"id":"a","timest)"},
      {"not an object", R"(["id"])"},
      {"without an id", R"({"timestamp":1})"},
      {"an empty id", R"({"id":""})"},
      {"a text for a number", R"({"id":"a","status_code":"200"})"},
      {"a number for a text", R"({"id":"a","model":1})"},
      {"a number for a switch", R"({"id":"a","is_stream":1})"},
      {"a fraction", R"({"id":"a","input_tokens":1.5})"},
  };
  for (const auto& c : cases) EXPECT_FALSE(ParseSpoolLine(c.line).ok()) << c.name;
  EXPECT_TRUE(ParseSpoolLine(R"({"id":"a","of_a_later_version":[1]})").ok());
}

TEST_F(SpoolTest, FilesArePrivate) {
  Spool spool(spool_dir_, kPlenty);
  const RequestLogRow row = FreshRow();
  ASSERT_TRUE(spool.Append({&row, 1}).ok());
  struct stat file {
  }, directory{};
  ASSERT_EQ(stat(file_.c_str(), &file), 0);
  ASSERT_EQ(stat(spool_dir_.c_str(), &directory), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600U);
  EXPECT_EQ(directory.st_mode & 0777, 0700U);
}

TEST_F(SpoolTest, RowsOverTheCapAreCountedNotWritten) {
  const auto line_bytes = static_cast<int64_t>(ToSpoolLine(FullRow("id-1")).size());
  Spool spool(spool_dir_, 3 * line_bytes + 10);
  const std::vector<RequestLogRow> rows(5, FullRow("id-1"));
  const Status s = spool.Append(rows);
  ASSERT_FALSE(s.ok());
  EXPECT_EQ(s.error().kind, ErrorKind::kFull);
  EXPECT_EQ(spool.written(), 3);
  EXPECT_EQ(spool.dropped(), 2);
  EXPECT_EQ(Lines().size(), 3U);
}

TEST_F(SpoolTest, TheCapCountsAllFilesOfTheSpool) {
  dir_.Write("spool/replay-1.ndjson", std::string(5000, '\n'));
  dir_.Write("spool/notes.txt", std::string(100'000, 'x'));
  const RequestLogRow row = FreshRow();
  Spool full(spool_dir_, 5100);
  EXPECT_FALSE(full.Append({&row, 1}).ok());
  Spool roomy(spool_dir_, 10'000);
  EXPECT_TRUE(roomy.Append({&row, 1}).ok());
}

TEST_F(SpoolTest, HalfALineOfAKilledWriterSpoilsNoOther) {
  dir_.Write(std::string("spool/") + kSpoolFile, R"({"id":"torn)");
  Spool spool(spool_dir_, kPlenty);
  const std::vector<RequestLogRow> rows = {FullRow("a"), FullRow("b")};
  ASSERT_TRUE(spool.Append(rows).ok());
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_FALSE(ParseSpoolLine(lines[0]).ok());
  EXPECT_TRUE(ParseSpoolLine(lines[1]).ok());
  EXPECT_TRUE(ParseSpoolLine(lines[2]).ok());
}

TEST_F(SpoolTest, ARenamedFileGetsNoMoreLines) {
  Spool spool(spool_dir_, kPlenty);
  const RequestLogRow row = FreshRow();
  ASSERT_TRUE(spool.Append({&row, 1}).ok());
  const std::string taken = spool_dir_ + "/replay.ndjson";
  std::filesystem::rename(file_, taken);
  const int reader = open(taken.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(flock(reader, LOCK_EX), 0);
  const auto size = std::filesystem::file_size(taken);
  ASSERT_TRUE(spool.Append({&row, 1}).ok());
  EXPECT_EQ(std::filesystem::file_size(taken), size);
  EXPECT_EQ(Lines().size(), 1U);
  close(reader);
}

TEST_F(SpoolTest, WaitsForTheLockButNotForever) {
  Spool spool(spool_dir_, kPlenty);
  const RequestLogRow row = FreshRow();
  ASSERT_TRUE(spool.Append({&row, 1}).ok());
  const int holder = open(file_.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(flock(holder, LOCK_EX), 0);
  const int64_t start_us = SystemClock().MonotonicUs();
  EXPECT_TRUE(spool.Append({&row, 1}).ok());
  const int64_t waited_ms = (SystemClock().MonotonicUs() - start_us) / 1000;
  EXPECT_GE(waited_ms, 90);
  EXPECT_LT(waited_ms, 2000);
  close(holder);
}

TEST_F(SpoolTest, AnUnusableDirectoryDropsAndCounts) {
  dir_.Write("spool", "a file, not a directory");
  Spool spool(spool_dir_, kPlenty);
  const std::vector<RequestLogRow> rows = {FullRow("a"), FullRow("b")};
  EXPECT_FALSE(spool.Append(rows).ok());
  EXPECT_EQ(spool.dropped(), 2);
  EXPECT_EQ(spool.written(), 0);
}

// In a child, because a file size limit cannot be raised again.
TEST_F(SpoolTest, ALineThatDoesNotFitLeavesNoTrace) {
  const auto line_bytes = ToSpoolLine(FullRow("id-1")).size();
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{line_bytes * 2 + line_bytes / 2, line_bytes * 2 + line_bytes / 2};
    setrlimit(RLIMIT_FSIZE, &limit);
    Spool spool(spool_dir_, kPlenty);
    const std::vector<RequestLogRow> rows(3, FullRow("id-1"));
    const Status s = spool.Append(rows);
    const bool right = !s.ok() && s.error().kind == ErrorKind::kFull && spool.written() == 2 && spool.dropped() == 1;
    _exit(right ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(ParseSpoolLine(lines[1]).ok());
  EXPECT_EQ(std::filesystem::file_size(file_), 2 * line_bytes);
}

TEST_F(SpoolTest, ManyWritersKeepTheirLinesWhole) {
  constexpr size_t kThreads = 4;
  constexpr int kRows = 100;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      Spool spool(spool_dir_, kPlenty);
      for (int i = 0; i < kRows; ++i) {
        const RequestLogRow row = FullRow(std::to_string(t) + "-" + std::to_string(i));
        EXPECT_TRUE(spool.Append({&row, 1}).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto lines = Lines();
  EXPECT_EQ(lines.size(), kThreads * kRows);
  for (const std::string& line : lines) EXPECT_TRUE(ParseSpoolLine(line).ok()) << line;
}

// What a replaying job does, against writers that never pause.
TEST_F(SpoolTest, AReaderThatTakesTheFileAwayLosesNoLine) {
  constexpr size_t kThreads = 3;
  constexpr int kRows = 1500;
  std::atomic<size_t> running = kThreads;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      Spool spool(spool_dir_, kPlenty * 100);
      const RequestLogRow row = FullRow("id");
      for (int i = 0; i < kRows; ++i) EXPECT_TRUE(spool.Append({&row, 1}).ok());
      --running;
    });
  }
  const std::string taken = spool_dir_ + "/taken.ndjson";
  size_t lines = 0;
  for (bool last = false; !last;) {
    last = running == 0;
    if (rename(file_.c_str(), taken.c_str()) != 0) continue;
    const int reader = open(taken.c_str(), O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(flock(reader, LOCK_EX), 0);
    const std::string text = ReadFile(taken);
    lines += static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
    unlink(taken.c_str());
    close(reader);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lines, kThreads * kRows);
}

}  // namespace
}  // namespace gc::store
