// gateway.cc: starts and inspects the gateway.
// SPDX-License-Identifier: MIT
#include "e2e/gateway.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "support/raw_server.h"

namespace gc::test {
namespace {

namespace fs = std::filesystem;

// The repository: the tests are run from its root.
std::string Root() { return fs::current_path().string(); }

int Connect(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int result = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  close(fd);
  return result;
}

std::string CommandLine(pid_t pid) { return ReadFile("/proc/" + std::to_string(pid) + "/cmdline"); }

}  // namespace

Gateway::Gateway(GatewayOptions options) : options_(std::move(options)) {
  if (options_.upstream.empty()) {
    const Status started = fake_.Start();
    if (!started.ok()) ADD_FAILURE() << started.error().message;
  }
  PlaceProgram();
  const int port = UnusedPort();
  base_url_ = "http://127.0.0.1:" + std::to_string(port);
  WriteConfig();

  prctl(PR_SET_CHILD_SUBREAPER, 1);
  signal(SIGPIPE, SIG_IGN);  // a server that we killed must not take the tests with it
  Command command;
  command.argv = {"sh", Root() + "/conf/run.sh"};
  command.env = {"BUILD=" + fs::path(program_).parent_path().string(),
                 "STATE=" + state_.path(),
                 "PORT=" + std::to_string(port),
                 "SERVER=" + std::string(options_.mount.server),
                 "MODE=" + std::string(options_.mount.mode),
                 "CONF=" + config_file()};
  command.stdout_file = command.stderr_file = Path("run.out");
  server_.emplace(command);
  const bool up = WaitUntil([port] { return Connect(port) == 0; }, 30'000) &&
                  (!has_master() || WaitUntil([this] { return !workers().empty(); }, 30'000));
  if (!up) {
    ADD_FAILURE() << "the gateway does not start: " << ReadFile(command.stdout_file)
                  << ReadFile(Path("log/" + std::string(options_.mount.server) + "-error.log"));
  }
}

// As Ctrl-C does it: SIGINT to the whole group, and all of it has to be gone.
Gateway::~Gateway() {
  server_->SignalGroup(SIGINT);
  if (!server_->Wait(15'000)) ADD_FAILURE() << "the web server does not end";
  const auto gone = [this] {
    while (waitpid(-server(), nullptr, WNOHANG) > 0) continue;  // orphans come to us: see the constructor
    return kill(-server(), 0) != 0;
  };
  if (!WaitUntil(gone, 10'000)) ADD_FAILURE() << "processes are left behind";
}

// In the state directory when the build's own does not do: Apache's user can reach this one whatever the checkout is.
void Gateway::PlaceProgram() {
  program_ = BuildDirectory() + "/gemini-code.fcgi";
  const bool other_user = options_.mount.server == "apache" && geteuid() == 0;
  if (!options_.own_program && options_.prefix.empty() && !other_user) return;
  fs::create_directory(Path("bin"));
  fs::copy_file(BuildDirectory() + "/gemini-code-migrate", Path("bin/gemini-code-migrate"));
  const std::string copy = Path(options_.prefix.empty() ? "bin/gemini-code.fcgi" : "bin/program");
  fs::copy_file(program_, copy);
  program_ = Path("bin/gemini-code.fcgi");
  if (options_.prefix.empty()) return;
  std::string script = "#!/bin/sh\nexec ";
  for (const std::string& word : options_.prefix) script += word + " ";
  state_.Write("bin/gemini-code.fcgi", script + copy + " \"$@\"\n");
  fs::permissions(program_, fs::perms::owner_all);
}

void Gateway::WriteConfig() const {
  const std::string salt = Path("key.salt");
  if (!fs::exists(salt)) state_.Write("key.salt", "0123456789abcdef0123456789abcdef");
  std::map<std::string, std::string> keys = {
      {"database.path", Path("gemini-code.db")},
      {"database.state_path", Path("state.db")},
      {"spool.dir", Path("spool")},
      {"secret.salt_file", salt},
      {"log.file", Path("log/gemini-code.log")},
      {"process.drain_s", "5"},
      {"upstream.url", options_.upstream.empty() ? fake_.base_url() : options_.upstream}};
  for (const auto& [key, value] : options_.config) keys[key] = value;
  std::string text;
  for (const auto& [key, value] : keys) text.append(key).append(" = ").append(value).append("\n");
  state_.Write("gemini-code.properties", text);
}

void Gateway::Configure(const std::map<std::string, std::string>& changes) {
  for (const auto& [key, value] : changes) options_.config[key] = value;
  WriteConfig();
}

void Gateway::Reload() {
  if (has_master()) {
    const std::vector<pid_t> before = workers();
    SignalMaster(SIGHUP);
    EXPECT_TRUE(WaitUntil([&] { return HasReplaced(before); }, 15'000));
  } else if (options_.mount == kApacheFcgid) {
    const std::vector<pid_t> before = Handlers(IsWorker::kNo);
    ReloadServer();
    EXPECT_TRUE(WaitUntil(
        [&] { return std::all_of(before.begin(), before.end(), [](pid_t pid) { return kill(pid, 0) != 0; }); },
        15'000));
  }
}

void Gateway::ReloadServer() const { server_->Signal(options_.mount.server == "nginx" ? SIGHUP : SIGUSR1); }

// Not looked for among the server's children: the heir of a master that was killed is not one.
std::vector<pid_t> Gateway::Handlers(IsWorker is_worker) const {
  std::vector<pid_t> pids;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator("/proc", gone)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid == 0 || getpgid(pid) != server()) continue;
    const std::string command_line = CommandLine(pid);
    const bool worker = command_line.find("--worker") != std::string::npos;
    const bool handler = command_line.find("gemini-code.fcgi") != std::string::npos ||
                         command_line.find("/bin/program") != std::string::npos;  // see PlaceProgram
    if (handler && worker == (is_worker == IsWorker::kYes)) {
      pids.push_back(pid);
    }
  }
  return pids;
}

pid_t Gateway::master() const {
  const std::vector<pid_t> pids = Handlers(IsWorker::kNo);
  return pids.empty() ? 0 : pids.front();
}

void Gateway::SignalMaster(int number) const {
  const pid_t pid = master();
  if (pid == 0 || kill(pid, number) != 0) ADD_FAILURE() << "no master to signal";
}

std::vector<pid_t> Gateway::workers() const { return Handlers(IsWorker::kYes); }

bool Gateway::HasReplaced(const std::vector<pid_t>& before) const {
  const std::vector<pid_t> now = workers();
  const auto is_old = [&](pid_t pid) { return std::find(before.begin(), before.end(), pid) != before.end(); };
  return now.size() == before.size() && std::none_of(now.begin(), now.end(), is_old);
}

bool Gateway::WaitForCount(const std::string& sql, int64_t wanted) const {
  return WaitUntil([&] { return database().Number(sql) == wanted; }, 10'000);
}

std::string BuildDirectory() {
  const char* build = std::getenv("BUILD");
  return fs::absolute(build == nullptr ? "build/plain" : build).string();
}

int64_t VoluntarySwitches(pid_t pid) {
  int64_t sum = 0;
  std::error_code gone;
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
    const std::string text = ReadFile(task.path().string() + "/status");
    const size_t at = text.find("\nvoluntary_ctxt_switches:");
    if (at != std::string::npos) sum += std::atoll(text.c_str() + at + 25);
  }
  return sum;
}

}  // namespace gc::test
