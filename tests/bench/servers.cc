// servers.cc: their configurations, starts and ends.
// SPDX-License-Identifier: MIT
#include "bench/servers.h"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "bench/answers.h"
#include "bench/file.h"
#include "bench/measure.h"
#include "support/raw_server.h"

namespace gc::bench {
namespace {

namespace fs = std::filesystem;
using test::Command;

void Write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
  if (WholeFile(path) != text) Fatal("cannot write " + path);
}

// nginx's quotes: `\n` and the like would be read as characters.
std::string NginxQuoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\\' || c == '\'') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string UserDirective() {
  if (geteuid() != 0) return "";
  return "user " + std::string(getpwuid(0)->pw_name) + " " + getgrgid(0)->gr_name + ";\n";
}

Command Server(std::vector<std::string> argv, std::vector<std::string> env, const std::string& output_file) {
  Command command;
  command.argv = std::move(argv);
  command.env = std::move(env);
  command.stdout_file = command.stderr_file = output_file;
  return command;
}

}  // namespace

void Fatal(const std::string& what) {
  std::fprintf(stderr, "bench: %s\n", what.c_str());
  std::exit(2);
}

std::string Paths::NewDirectory(const std::string& name) const {
  const std::string directory = state + "/" + name;
  fs::remove_all(directory);
  fs::create_directories(directory);
  return directory;
}

std::string Loopback(int port, const std::string& target) {
  return "http://127.0.0.1:" + std::to_string(port) + target;
}

test::HttpReply Get(const std::string& url) {
  test::HttpCall call;
  call.url = url;
  return test::Do(call);
}

test::RunResult RunProgram(const std::vector<std::string>& argv) {
  Command command;
  command.argv = argv;
  return test::RunCommand(command);
}

Nginx::Nginx(const Paths& paths, const std::string& name, const std::string& http, const std::string& listen_options,
             const std::string& server)
    : port_(UnusedPort()), process_([&] {
        const std::string dir = paths.NewDirectory(name);
        std::string conf = UserDirective() + "daemon off;\npid " + dir + "/nginx.pid;\nerror_log " + dir +
                           "/error.log;\nworker_processes auto;\nworker_rlimit_nofile 16384;\n"
                           "events { worker_connections 8192; }\nhttp {\ndefault_type application/json;\n";
        for (const char* temp : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
          conf.append(temp).append("_temp_path ").append(dir).append("/").append(temp).append(";\n");
        conf += "keepalive_requests 100000000;\n" + http + "server {\nlisten 127.0.0.1:" + std::to_string(port_) +
                " backlog=4096" + listen_options + ";\n" + server + "}\n}\n";
        Write(dir + "/nginx.conf", conf);
        return Server({"nginx", "-e", dir + "/error.log", "-c", dir + "/nginx.conf"}, {}, dir + "/out");
      }()) {
  const std::string url = (listen_options.empty() ? "http://127.0.0.1:" : "https://127.0.0.1:") + std::to_string(port_);
  // For TLS the handshake fails here, as it should: the certificate is nobody's. The server is up then too.
  const bool is_up = test::WaitUntil([&] {
    const test::HttpReply reply = Get(url + "/");
    return reply.status != 0 || reply.error.find("ertificate") != std::string::npos;
  });
  if (!is_up) Fatal("nginx does not start: " + WholeFile(paths.state + "/" + name + "/error.log"));
}

Nginx Nginx::Constant(const Paths& paths) {
  return {paths, "nginx-upstream", "access_log off;\n", "", "return 200 " + NginxQuoted(kUnaryAnswer) + ";\n"};
}

// With an access log, as the gateway's lighttpd keeps one; both write it in large pieces.
Nginx Nginx::Proxy(const Paths& paths, int upstream_port) {
  const std::string log = paths.state + "/nginx-proxy/access.log";
  return {paths, "nginx-proxy",
          "access_log " + log + " combined buffer=64k flush=4s;\nupstream up {\nserver 127.0.0.1:" +
              std::to_string(upstream_port) + ";\nkeepalive 64;\nkeepalive_requests 100000000;\n}\n",
          "", "location / {\nproxy_pass http://up;\nproxy_http_version 1.1;\nproxy_set_header Connection \"\";\n}\n"};
}

Nginx Nginx::Tls(const Paths& paths, int upstream_port) {
  const std::string dir = paths.NewDirectory("tls");
  fs::create_directories(dir + "/ca");
  const std::string certificate = dir + "/ca/bench.pem";
  const bool is_made =
      RunProgram({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                  "-keyout", dir + "/key.pem", "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                  "subjectAltName=IP:127.0.0.1"})
              .code == 0 &&
      RunProgram({"openssl", "rehash", dir + "/ca"}).code == 0;
  if (!is_made) Fatal("openssl makes no certificate");
  return {paths, "nginx-tls", "access_log off;\n", " ssl",
          "ssl_certificate " + certificate + ";\nssl_certificate_key " + dir +
              "/key.pem;\nlocation / {\nproxy_pass http://127.0.0.1:" + std::to_string(upstream_port) +
              ";\nproxy_http_version 1.1;\nproxy_buffering off;\nproxy_read_timeout 600s;\n}\n"};
}

SseServer::SseServer(const Paths& paths) : process_(Server({paths.Program("bench-sse-server")}, {}, "")) {
  const std::string line = process_.ReadLine(5000).value_or("");
  if (std::sscanf(line.c_str(), "port %d", &port_) != 1) Fatal("bench-sse-server does not start");
}

std::string SseServer::Url(const std::string& target) const { return Loopback(port_, target); }

Site::Site(const Command& command, int port, const std::string& program, std::string config_file)
    : port_(port), config_file_(std::move(config_file)), process_(command) {
  test::WaitUntil([&] { return !process_.IsRunning() || Get(Url("/health")).status != 0; }, 30'000);
  if (!process_.IsRunning()) return;
  test::WaitUntil([&] { return (handler_ = ChildNamed(server(), program)) != 0; });
  if (handler_ == 0) Fatal(program + " does not start: " + WholeFile(command.stdout_file));
}

Site::~Site() {
  process_.SignalGroup(SIGINT);
  process_.Wait(15'000);
}

std::string Site::Url(const std::string& target) const { return Loopback(port_, target); }

Site Site::Gateway(const Paths& paths, const std::string& upstream, const std::string& ca_path,
                   const std::string& server) {
  const std::string dir = paths.NewDirectory("gateway-" + server);
  const std::string config = dir + "/gemini-code.properties";
  Write(dir + "/key.salt", "0123456789abcdef0123456789abcdef");
  Write(config, "database.path = " + dir + "/gemini-code.db\ndatabase.state_path = " + dir + "/state.db\nspool.dir = " +
                    dir + "/spool\nsecret.salt_file = " + dir + "/key.salt\nlog.file = " + dir +
                    "/log/gemini-code.log\nprocess.drain_s = 5\nupstream.url = " + upstream + "\n" +
                    (ca_path.empty() ? "" : "upstream.ca_path = " + ca_path + "\n"));
  const int port = UnusedPort();
  return {Server({"sh", "conf/run.sh"},
                 {"BUILD=" + paths.build, "STATE=" + dir, "PORT=" + std::to_string(port), "SERVER=" + server,
                  "MODE=fcgi", "CONF=" + config},
                 dir + "/out"),
          port, "gemini-code.fcgi", config};
}

Site Site::Constant(const Paths& paths, const std::string& answers) {
  const std::string dir = paths.NewDirectory("constant-handler");
  for (const char* name : {"/log", "/tmp", "/htdocs"}) fs::create_directories(dir + name);
  const std::string conf_dir = fs::absolute("conf/lighttpd").string();
  const int port = UnusedPort();
  return {
      Server({"lighttpd", "-D", "-f", conf_dir + "/run.conf"},
             {"GC_ADDRESS=127.0.0.1", "GC_PORT=" + std::to_string(port), "GC_STATE=" + dir, "GC_CONFDIR=" + conf_dir,
              "GC_MODE=fcgi", "GC_PROGRAM=" + paths.Program("bench-constant-handler"), "GEMINI_CODE_CONF=" + answers},
             dir + "/out"),
      port, "bench-constant-handler", answers};
}

}  // namespace gc::bench
