// servers.h: what is measured and what it is measured against, each a process of its own on the loopback.
// All start ready and end with their object; a program that does not start ends the benchmark.
// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "support/http.h"
#include "support/process.h"

namespace gc::bench {

// Prints and exits with 2: there is nothing to measure.
[[noreturn]] void Fatal(const std::string& what);

struct Paths {
  std::string build;  // the programs
  std::string state;  // what they write, a directory for each

  std::string Program(const std::string& name) const { return build + "/" + name; }
  // A new, empty directory below `state`; an older one of that name is removed.
  std::string NewDirectory(const std::string& name) const;
};

// nginx with one server block, for each role a process tree of its own.
class Nginx {
 public:
  Nginx(const Paths& paths, const std::string& name, const std::string& http, const std::string& listen_options,
        const std::string& server);
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;

  static Nginx Constant(const Paths& paths);                  // answers kUnaryAnswer
  static Nginx Proxy(const Paths& paths, int upstream_port);  // plain HTTP, warm connections
  // TLS with a certificate of its own, which <state>/tls/ca lets the gateway trust.
  static Nginx Tls(const Paths& paths, int upstream_port);

  int port() const { return port_; }
  pid_t pid() const { return process_.pid(); }

 private:
  int port_;
  test::Process process_;
};

// sse_server.cc.
class SseServer {
 public:
  explicit SseServer(const Paths& paths);
  int port() const { return port_; }
  pid_t pid() const { return process_.pid(); }
  std::string Url(const std::string& target) const;

 private:
  test::Process process_;
  int port_ = 0;
};

// A web server with a FastCGI program behind it.
class Site {
 public:
  // The gateway, by conf/run.sh, with the shipped configuration but for its paths and this upstream.
  static Site Gateway(const Paths& paths, const std::string& upstream, const std::string& ca_path = "",
                      const std::string& server = "lighttpd");
  // The constant handler under the same lighttpd configuration; `answers` is the directory that it reads.
  static Site Constant(const Paths& paths, const std::string& answers);
  ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  // False for a server that cannot run here (Apache as root, when its user cannot reach the programs).
  bool is_running() const { return process_.IsRunning(); }
  int port() const { return port_; }
  std::string Url(const std::string& target) const;
  pid_t server() const { return process_.pid(); }
  pid_t handler() const { return handler_; }  // the gateway's master, or the constant handler
  std::vector<pid_t> workers() const { return test::Children(handler_); }
  const std::string& config_file() const { return config_file_; }

 private:
  Site(const test::Command& command, int port, const std::string& program, std::string config_file);

  int port_;
  std::string config_file_;
  test::Process process_;
  pid_t handler_ = 0;
};

std::string Loopback(int port, const std::string& target);
test::HttpReply Get(const std::string& url);
// To its end, with its output.
test::RunResult RunProgram(const std::vector<std::string>& argv);

}  // namespace gc::bench
