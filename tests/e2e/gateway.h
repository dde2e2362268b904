// gateway.h: the real programs as a user starts them: conf/run.sh, real lighttpd, a database file, and the fake Gemini.
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

struct GatewayOptions {
  std::string mode = "fcgi";                  // fcgi or cgi
  std::map<std::string, std::string> config;  // keys of gemini-code.properties beside the paths
  std::string upstream;                       // empty: a fake Gemini of its own
  std::string program;                        // empty: that of the build
  std::vector<std::string> prefix;            // a command that runs run.sh in other circumstances
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

  pid_t server() const { return server_->pid(); }
  pid_t master() const;  // 0: none
  std::vector<pid_t> workers() const;

  // The main database, opened anew: it may have been replaced.
  Database database() const { return Database(Path("gemini-code.db")); }
  // Waits until the query on it gives that number, at most ten seconds; false when it did not.
  bool WaitForCount(const std::string& sql, int64_t wanted) const;

  // Writes the configuration anew, with these keys changed; the master reads it on SIGHUP.
  void Configure(const std::map<std::string, std::string>& changes);

 private:
  enum class IsWorker { kNo, kYes };
  void WriteConfig() const;
  std::vector<pid_t> Handlers(IsWorker is_worker) const;  // in the server's process group
  bool has_master() const { return options_.mode != "cgi" && !options_.config.contains("process.master"); }

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
