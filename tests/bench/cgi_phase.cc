// cgi_phase.cc: CPU time of the gateway as a CGI program, one process for each request.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "bench/file.h"
#include "bench/phases.h"
#include "bench/targets.h"

namespace gc::bench {
namespace {

constexpr int kRunsInRound = 20;

struct CgiCall {
  std::string program;
  std::vector<std::string> env;
  std::string input_file = "/dev/null";
  std::string output_file = "/dev/null";
};

// CPU of one process from exec to its end, in milliseconds, by wait4; negative when it failed.
double RunOnce(const CgiCall& call) {
  std::vector<std::string> env = call.env;
  std::vector<char*> envp;
  for (std::string& variable : env) envp.push_back(variable.data());
  envp.push_back(nullptr);
  std::string program = call.program;
  char* argv[] = {program.data(), nullptr};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, call.input_file.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, call.output_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, call.program.c_str(), &files, nullptr, argv, envp.data());
  posix_spawn_file_actions_destroy(&files);
  int status = 0;
  rusage usage{};
  if (failed != 0 || wait4(pid, &status, 0, &usage) != pid || status != 0) return -1;
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

// The median of one round; negative when one failed.
double RunRound(const CgiCall& call) {
  std::vector<double> times;
  for (int i = 0; i < kRunsInRound; ++i) {
    times.push_back(RunOnce(call));
    if (times.back() < 0) return -1;
  }
  return Percentile(&times, 0.5);
}

}  // namespace

void MeasureCgi(Run* run) {
  const Nginx upstream = Nginx::Constant(run->paths);
  // For its databases; its master keeps them open, as on a host that also has the FastCGI mount.
  const Site gateway = Site::Gateway(run->paths, Loopback(upstream.port(), ""));
  const std::string dir = run->paths.NewDirectory("cgi");
  const std::vector<std::string> common = {"GATEWAY_INTERFACE=CGI/1.1", "SERVER_PROTOCOL=HTTP/1.1",
                                           "REMOTE_ADDR=127.0.0.1", "GEMINI_CODE_CONF=" + gateway.config_file()};
  CgiCall health{run->paths.Program("gemini-code.fcgi"), common};
  health.output_file = dir + "/health";
  health.env.insert(health.env.end(), {"REQUEST_METHOD=GET", "REQUEST_URI=/health"});

  const std::string body = ChatBody(kUnaryModel, IsStream::kNo);
  CgiCall chat{run->paths.Program("gemini-code.fcgi"), common, dir + "/body", dir + "/chat"};
  std::ofstream(chat.input_file, std::ios::binary) << body;
  chat.env.insert(chat.env.end(),
                  {"REQUEST_METHOD=POST", std::string("REQUEST_URI=") + kChatPath, "CONTENT_TYPE=application/json",
                   "CONTENT_LENGTH=" + std::to_string(body.size()), std::string("HTTP_AUTHORIZATION=Bearer ") + kKey});

  RunOnce(health);
  CgiCall constant{run->paths.Program("bench-cgi-constant"), {"BENCH_ANSWER=" + WholeFile(health.output_file)}};
  constant.output_file = dir + "/constant";
  RunOnce(constant);
  RunOnce(chat);
  std::string error;
  if (!WholeFile(health.output_file).starts_with("Status: 200")) error = "/health does not answer";
  if (!WholeFile(chat.output_file).starts_with("Status: 200")) error = "the chat does not answer";
  if (WholeFile(constant.output_file) != WholeFile(health.output_file)) error = "the C program does not answer";

  Series ratio;
  Series health_ms;
  Series constant_ms;
  Series chat_ms;
  for (int i = 0; i < run->rounds; ++i) {
    Report::Progress("CGI, round " + std::to_string(i + 1));
    const double ours = RunRound(health);
    const double least = RunRound(constant);
    const double proxied = RunRound(chat);
    if (ours < 0 || least < 0 || proxied < 0) error = "a process failed";
    ratio.Add(ours / least);
    health_ms.Add(ours);
    constant_ms.Add(least);
    chat_ms.Add(proxied);
  }
  Report& report = run->report;
  report.Add("CGI CPU, /health / a C program that prints the same", "", ratio, AtMost(3), error);
  report.Add("CGI CPU: /health", "ms", health_ms, {}, error);
  report.Add("CGI CPU: C program", "ms", constant_ms, {}, error);
  report.Add("CGI CPU: proxied unary chat", "ms", chat_ms, {}, error);
}

}  // namespace gc::bench
