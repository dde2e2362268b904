// processes_test.cc: master and workers: crashes, recycling, reloads and upgrades under load.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <set>

#include "e2e/load.h"

namespace gc::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

std::set<std::string> LoggedIds(const Gateway& gateway) {
  std::set<std::string> ids;
  for (const Row& row : gateway.database().Query("SELECT id FROM request_logs")) ids.insert(row[0]);
  std::istringstream spool(ReadFile(gateway.Path("spool/requests.ndjson")));
  for (std::string line; std::getline(spool, line);) ids.insert(Field(line, {"id"}));
  return ids;
}

bool Answers(const Gateway& gateway) { return Do(Chat(gateway, "still there?")).status == 200; }

// Every answer that ended over a second before `kill`, or began after `back`, has its row.
void ExpectNoRowLost(const Gateway& gateway, const std::vector<Load::Done>& done,
                     std::chrono::steady_clock::time_point kill, std::chrono::steady_clock::time_point back) {
  // When each of them ended, in ms from the kill.
  const auto missing = [&] {
    const std::set<std::string> ids = LoggedIds(gateway);
    std::vector<int64_t> ended_ms;
    for (const Load::Done& d : done) {
      const bool promised = d.status == 200 && (d.ended < kill - seconds(1) || d.began > back);
      if (promised && !ids.contains(d.id)) {
        ended_ms.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(d.ended - kill).count());
      }
    }
    return ended_ms;
  };
  WaitUntil([&] { return missing().empty(); }, 5000);
  EXPECT_EQ(missing(), std::vector<int64_t>{})
      << "back after " << std::chrono::duration_cast<std::chrono::milliseconds>(back - kill).count() << " ms";
  EXPECT_EQ(gateway.database().IntegrityCheck(), "ok");
}

// What has to hold wherever a master serves: started by the web server, or on a socket beside it.
class Masters : public testing::TestWithParam<Mount> {};
INSTANTIATE_TEST_SUITE_P(Mounts, Masters, testing::ValuesIn(kMasterMounts), MountName);

TEST_P(Masters, KilledWorkerIsReplacedAndNoOldRowIsLost) {
  Gateway gateway({.mount = GetParam()});
  Load load(gateway, 8);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  const pid_t killed = gateway.workers().at(0);
  const auto kill_time = std::chrono::steady_clock::now();
  kill(killed, SIGKILL);
  ASSERT_TRUE(WaitUntil([&] { return gateway.HasReplaced({killed}); }, 5000));
  ASSERT_TRUE(WaitUntil([&] { return Answers(gateway); }, 5000));
  const auto back = std::chrono::steady_clock::now();
  load.WaitFor(load.count() + 200);
  const auto& done = load.Stop();
  EXPECT_GT(done.size(), 300U);
  ExpectNoRowLost(gateway, done, kill_time, back);
}

TEST_P(Masters, KilledMasterIsReplaced) {
  GatewayOptions options{.mount = GetParam()};
  options.config = {{"worker.max_requests", "50"}};
  Gateway gateway(options);
  Load load(gateway, 4);
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  const pid_t killed = gateway.master();
  const auto kill_time = std::chrono::steady_clock::now();
  gateway.SignalMaster(SIGKILL);
  ASSERT_TRUE(WaitUntil([&] { return gateway.master() != 0 && gateway.master() != killed && Answers(gateway); }, 5000));
  const auto back = std::chrono::steady_clock::now();
  const size_t before = load.count();
  std::set<pid_t> seen;
  ASSERT_TRUE(WaitUntil(
      [&] {
        for (const pid_t pid : gateway.workers()) seen.insert(pid);
        return seen.size() >= 4 && load.count() > before + 300;
      },
      30'000))
      << seen.size() << " workers";
  const auto& done = load.Stop();
  std::vector<Load::Done> after;
  for (const Load::Done& d : done) {
    if (d.began > back) after.push_back(d);
  }
  EXPECT_LE(Failures(after), 0U);
  ExpectNoRowLost(gateway, done, kill_time, back);
}

// Somebody is editing the file while the master is killed: its heir goes on with what the dead one had accepted.
TEST(Processes, HeirServesWithTheAcceptedConfiguration) {
  Gateway gateway;
  ASSERT_TRUE(Answers(gateway));
  gateway.Configure({{"worker.threads", "lots"}});
  const std::vector<pid_t> before = gateway.workers();
  gateway.SignalMaster(SIGKILL);
  ASSERT_TRUE(WaitUntil([&] { return gateway.HasReplaced(before); }));
  EXPECT_TRUE(Answers(gateway));
  EXPECT_NE(gateway.master(), 0);
}

TEST_P(Masters, RecyclingFailsNoRequest) {
  GatewayOptions options{.mount = GetParam()};
  options.config = {{"worker.max_requests", "100"}};
  Gateway gateway(options);
  Load load(gateway, 8);
  std::set<pid_t> seen;
  ASSERT_TRUE(WaitUntil(
      [&] {
        for (const pid_t pid : gateway.workers()) seen.insert(pid);
        return load.count() >= 3000;
      },
      60'000));
  const auto& done = load.Stop();
  EXPECT_EQ(Failures(done), 0U) << "of " << done.size();
  EXPECT_GE(seen.size(), 5U);
  EXPECT_TRUE(WaitUntil([&] { return LoggedIds(gateway).size() == done.size(); }, 10'000))
      << LoggedIds(gateway).size() << " of " << done.size() << ReadFile(gateway.Path("log/gemini-code.log"));
}

TEST(Processes, RecyclingByAgeFailsNoRequest) {
  GatewayOptions options;
  options.config = {{"worker.max_age_s", "1"}, {"worker.processes", "2"}};
  Gateway gateway(options);
  Load load(gateway, 4);
  std::set<pid_t> seen;
  EXPECT_TRUE(WaitUntil(
      [&] {
        for (const pid_t pid : gateway.workers()) seen.insert(pid);
        return seen.size() >= 6;
      },
      20'000))
      << seen.size() << " workers";
  const auto& done = load.Stop();
  EXPECT_EQ(Failures(done), 0U) << "of " << done.size();
}

// A stream that does not end holds a stopping worker for process.drain_s, not for ever; its client is told.
TEST(Processes, DrainHasAnEnd) {
  GatewayOptions options;
  options.config = {{"process.drain_s", "1"}};
  Gateway gateway(options);
  std::atomic<bool> begun = false;
  HttpReply reply;
  std::thread client([&] {
    reply =
        Stream(Chat(gateway, "endless [[fake: chunks=3 hold=never@1]]", Answer::kStream), [&](std::string_view piece) {
          if (piece.find("echo") != std::string_view::npos) begun = true;
          return Next::kGoOn;
        });
  });
  EXPECT_TRUE(WaitUntil([&] { return begun.load(); }));
  const pid_t old_worker = gateway.workers().at(0);
  gateway.SignalMaster(SIGHUP);
  EXPECT_TRUE(WaitUntil([&] { return gateway.HasReplaced({old_worker}); }, 15'000));
  client.join();
  EXPECT_EQ(reply.error, "");
  EXPECT_NE(reply.body.find("data: {\"error\":{\"message\":\"The gateway restarts"), std::string::npos) << reply.body;
  EXPECT_EQ(reply.body.find("[DONE]"), std::string::npos) << reply.body;
  EXPECT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs WHERE error_type = 'busy'", 1));
  EXPECT_TRUE(Answers(gateway));
}

TEST_P(Masters, RenamedInBinaryTakesEffectOnHangupWithoutAFailure) {
  GatewayOptions options{.mount = GetParam()};
  options.own_program = true;
  Gateway gateway(options);
  Load load(gateway, 8);
  load.WaitFor(200);
  const pid_t old_worker = gateway.workers().at(0);
  // The new version is told from the old one by what it leaves behind.
  const std::string& program = gateway.program();
  const std::string mark = gateway.Path("new-version-ran");
  fs::copy_file(program, program + ".real");
  std::ofstream(program + ".new") << "#!/bin/sh\ntouch " << mark << "\nexec " << program << ".real \"$@\"\n";
  fs::permissions(program + ".new", fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  fs::rename(program + ".new", program);
  gateway.SignalMaster(SIGHUP);
  ASSERT_TRUE(WaitUntil([&] { return gateway.HasReplaced({old_worker}); }, 20'000));
  load.WaitFor(load.count() + 300);
  const auto& done = load.Stop();
  EXPECT_EQ(Failures(done), 0U) << "of " << done.size();
  EXPECT_NE(gateway.workers().at(0), old_worker);
  EXPECT_TRUE(fs::exists(mark));
}

TEST(Processes, HangupWithABadConfigurationKeepsTheOldOneAndShows) {
  Gateway gateway;
  const std::vector<pid_t> before = gateway.workers();
  gateway.Configure({{"worker.threads", "lots"}});
  gateway.SignalMaster(SIGHUP);
  const auto health = [&](std::string_view field) { return Field(Do(Get(gateway, "/health", "")).body, {field}); };
  ASSERT_TRUE(WaitUntil([&] { return health("config_error") != "absent"; }));
  EXPECT_NE(health("config_error").find("worker.threads must be a whole number"), std::string::npos);
  EXPECT_EQ(health("status"), "degraded");
  EXPECT_EQ(gateway.workers(), before);
  EXPECT_TRUE(Answers(gateway));
  gateway.Configure({{"worker.threads", "64"}});
  gateway.SignalMaster(SIGHUP);
  ASSERT_TRUE(WaitUntil([&] { return health("status") == "healthy"; }));
  ASSERT_TRUE(WaitUntil([&] { return gateway.HasReplaced(before); }));
  EXPECT_TRUE(Answers(gateway));
}

TEST_P(Masters, HangupLetsOpenStreamsEnd) {
  Gateway gateway({.mount = GetParam()});
  std::atomic<bool> begun = false;
  HttpReply reply;
  std::thread client([&] {
    reply = Stream(Chat(gateway, "long [[fake: chunks=3 hold=go@1]]", Answer::kStream), [&](std::string_view piece) {
      if (piece.find("echo") != std::string_view::npos) begun = true;
      return Next::kGoOn;
    });
  });
  EXPECT_TRUE(WaitUntil([&] { return begun.load(); }));
  const pid_t old_worker = gateway.workers().at(0);
  gateway.SignalMaster(SIGHUP);
  EXPECT_TRUE(WaitUntil([&] { return gateway.workers().size() == 2; }));
  EXPECT_TRUE(Answers(gateway));
  gateway.fake().Release("go");
  client.join();
  EXPECT_EQ(reply.error, "");
  EXPECT_NE(reply.body.find("[DONE]"), std::string::npos);
  EXPECT_TRUE(WaitUntil([&] { return gateway.HasReplaced({old_worker}); }));
}

// The master must not count on a worker that somebody else told to stop until its last stream has ended.
TEST(Processes, WorkerStoppedByOthersIsReplacedAtOnce) {
  Gateway gateway;
  std::atomic<bool> begun = false;
  HttpReply reply;
  std::thread client([&] {
    reply = Stream(Chat(gateway, "long [[fake: chunks=3 hold=go@1]]", Answer::kStream), [&](std::string_view piece) {
      if (piece.find("echo") != std::string_view::npos) begun = true;
      return Next::kGoOn;
    });
  });
  EXPECT_TRUE(WaitUntil([&] { return begun.load(); }));
  kill(gateway.workers().at(0), SIGTERM);
  EXPECT_TRUE(WaitUntil([&] { return gateway.workers().size() == 2; }, 3000));
  EXPECT_TRUE(Answers(gateway));
  gateway.fake().Release("go");
  client.join();
  EXPECT_EQ(reply.error, "");
  EXPECT_NE(reply.body.find("[DONE]"), std::string::npos);
  EXPECT_TRUE(WaitUntil([&] { return gateway.workers().size() == 1; }));
}

// Killed at once, before its first worker serves, and then again and again. A process that held the socket twice would
// keep it open while it drains.
TEST(Processes, MastersInARowHoldTheSocketOnce) {
  Gateway gateway;
  const auto link = [](const fs::path& path) {
    std::error_code gone;
    return fs::read_symlink(path, gone).string();
  };
  const auto held = [&](pid_t pid, const std::string& socket) {
    std::error_code gone;
    int count = 0;
    for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd", gone))
      count += link(entry.path()) == socket;
    return count;
  };
  for (int generation = 0; generation < 4; ++generation) {
    const pid_t killed = gateway.master();
    const std::vector<pid_t> before = gateway.workers();
    gateway.SignalMaster(SIGKILL);
    ASSERT_TRUE(WaitUntil([&] {
      const std::vector<pid_t> workers = gateway.workers();
      return gateway.master() != 0 && gateway.master() != killed && workers.size() == 1 && workers != before &&
             Answers(gateway);
    })) << generation
        << ": killed " << killed << ", master " << gateway.master() << ", workers "
        << testing::PrintToString(gateway.workers()) << "\n"
        << ReadFile(gateway.Path("log/gemini-code.log")) << ReadFile(gateway.Path("log/lighttpd-error.log"));
    const std::string socket = link("/proc/" + std::to_string(gateway.master()) + "/fd/0");
    EXPECT_TRUE(socket.starts_with("socket:")) << socket;
    EXPECT_EQ(held(gateway.master(), socket), 1) << generation;
    EXPECT_EQ(held(gateway.workers().at(0), socket), 1) << generation;
  }
}

// With every thread taken, the last one still answers probes, and a clear refusal to all else.
TEST(Processes, LastThreadAnswersProbesOnly) {
  GatewayOptions options;
  options.config = {{"worker.threads", "3"}};
  Gateway gateway(options);
  std::vector<std::thread> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back([&] { EXPECT_EQ(Do(Chat(gateway, "hold [[fake: hold=busy tag=held]]")).status, 200); });
  }
  EXPECT_TRUE(WaitUntil([&] {
    int held = 0;
    for (const auto& event : gateway.fake().Events()) held += event.type == "hold";
    return held == 2;
  }));
  const HttpReply refused = Do(Chat(gateway, "one too many"));
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(refused.Header("retry-after"), "1");
  EXPECT_EQ(Field(refused.body, {"error", "type"}), "server_error");
  EXPECT_EQ(Do(Get(gateway, "/livez", "")).status, 200);
  EXPECT_EQ(Do(Get(gateway, "/health", "")).status, 200);
  gateway.fake().Release("busy");
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(WaitUntil([&] { return Answers(gateway); }));  // a thread is free a moment after its answer is out
}

TEST(Processes, WithoutMasterOneThreadServes) {
  GatewayOptions options;
  options.config = {{"process.master", "off"}};
  Gateway gateway(options);
  EXPECT_TRUE(Answers(gateway));
  EXPECT_NE(Do(Chat(gateway, "s", Answer::kStream)).body.find("[DONE]"), std::string::npos);
  const std::vector<pid_t> children = Children(gateway.server());
  pid_t handler = 0;
  for (const pid_t pid : children) {
    if (ReadFile("/proc/" + std::to_string(pid) + "/cmdline").find("gemini-code.fcgi") != std::string::npos)
      handler = pid;
  }
  ASSERT_NE(handler, 0);
  EXPECT_TRUE(Children(handler).empty());
  EXPECT_TRUE(gateway.WaitForCount("SELECT count(*) FROM request_logs", 2));
}

}  // namespace
}  // namespace gc::test
