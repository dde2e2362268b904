// gateway.h: the real programs as a user starts them: conf/run.sh, a real web server, a database file, the fake Gemini.
// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/database.h"
#include "support/fake_gemini.h"
#include "support/http.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace gc::test {

// A way to run the gateway under a web server: SERVER and MODE of conf/run.sh.
struct Mount {
  std::string_view server;  // lighttpd, apache, nginx
  std::string_view mode;    // fcgi: a master with workers; fcgid: a process per running request; cgi: one per request

  bool operator==(const Mount&) const = default;
  std::string name() const { return std::string(server) + "_" + std::string(mode); }
};

inline constexpr Mount kLighttpd = {"lighttpd", "fcgi"};
inline constexpr Mount kLighttpdCgi = {"lighttpd", "cgi"};
inline constexpr Mount kApache = {"apache", "fcgi"};
inline constexpr Mount kApacheFcgid = {"apache", "fcgid"};
inline constexpr Mount kApacheCgi = {"apache", "cgi"};
inline constexpr Mount kNginx = {"nginx", "fcgi"};
inline constexpr Mount kAllMounts[] = {kLighttpd, kLighttpdCgi, kApache, kApacheFcgid, kApacheCgi, kNginx};
inline constexpr Mount kMasterMounts[] = {kLighttpd, kApache, kNginx};

struct GatewayOptions {
  Mount mount = kLighttpd;
  std::map<std::string, std::string> config = {};  // keys of gemini-code.properties beside the paths
  std::string upstream = {};                       // empty: a fake Gemini of its own
  bool own_program = false;                        // program() is a copy, which the test may replace
  std::vector<std::string> prefix = {};            // a command that runs the program in other circumstances
};

// Started by the constructor and ready; ended by the destructor, which checks that nothing is left running.
class Gateway {
 public:
  explicit Gateway(GatewayOptions options = {});
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  FakeGemini& fake() { return fake_; }
  std::string Url(std::string_view path) const { return base_url_ + std::string(path); }
  const std::string& base_url() const { return base_url_; }
  std::string Path(std::string_view name) const { return state_.Path(name); }  // of the state directory
  std::string config_file() const { return state_.Path("gemini-code.properties"); }
  const std::string& program() const { return program_; }
  const Mount& mount() const { return options_.mount; }

  pid_t server() const { return server_->pid(); }
  pid_t master() const;  // 0: none
  // Fails the test when there is no master: kill(0, …) would hit the tests themselves.
  void SignalMaster(int number) const;
  std::vector<pid_t> workers() const;
  // As many workers as before, and none of them.
  bool HasReplaced(const std::vector<pid_t>& before) const;

  // The main database, opened anew: it may have been replaced.
  Database database() const { return Database(Path("gemini-code.db")); }
  // Waits until the query on it gives that number, at most ten seconds; false when it did not.
  bool WaitForCount(const std::string& sql, int64_t wanted) const;

  // Processes of the gateway that served before are gone after it, and requests are answered.
  void Reload();
  // Tells the web server to read its configuration again without ending open answers.
  void ReloadServer() const;

  // Writes the configuration anew, with these keys changed; the master reads it on SIGHUP.
  void Configure(const std::map<std::string, std::string>& changes);

 private:
  enum class IsWorker { kNo, kYes };
  void WriteConfig() const;
  void PlaceProgram();
  std::vector<pid_t> Handlers(IsWorker is_worker) const;  // in the server's process group
  bool has_master() const { return options_.mount.mode == "fcgi" && !options_.config.contains("process.master"); }

  GatewayOptions options_;
  TempDir state_;
  FakeGemini fake_;
  std::string program_;
  std::string base_url_;
  std::optional<Process> server_;
};

// Directory of the programs under test: the environment's BUILD.
std::string BuildDirectory();
// Context switches that the process's threads made on their own, summed.
int64_t VoluntarySwitches(pid_t pid);

}  // namespace gc::test
