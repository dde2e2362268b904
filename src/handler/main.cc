// main.cc: gemini-code.fcgi: options, the mount, and the process that fits it.
// SPDX-License-Identifier: MIT
#include <getopt.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/config.h"
#include "base/key_hash.h"
#include "base/log.h"
#include "base/version.h"
#include "handler/cgi.h"
#include "handler/master.h"
#include "handler/mount.h"
#include "handler/worker.h"

namespace gc {
namespace {

constexpr char kUsage[] =
    "usage: gemini-code.fcgi [-c FILE] [-t | --show-config | --sample-config | --version | --help]\n"
    "\n"
    "Serves OpenAI, Anthropic and Gemini clients with their own Gemini keys. Started by a web server (FastCGI or\n"
    "CGI) or on a socket (spawn-fcgi, systemd); by hand it can only be asked:\n"
    "\n"
    "  -c FILE          read this configuration instead of GEMINI_CODE_CONF or the installed one\n"
    "  -t, --test       check configuration and salt, print the mount that is detected\n"
    "  --show-config    print every key with its value and where that comes from\n"
    "  --sample-config  print a configuration file with every key and its default\n"
    "  --version        print the version\n"
    "  --help           print this text\n";

enum class Action { kServe, kTest, kShowConfig, kSampleConfig, kVersion, kHelp, kWorker };

struct Options {
  Action action = Action::kServe;
  std::string config_path;
  pid_t server_pid = 0;         // --heir: see RunMaster
  std::string accepted_config;  // --accepted: what the dead master had accepted
  bool usage_error = false;
};

Options ParseOptions(int argc, char** argv) {
  static const option kLong[] = {{"test", no_argument, nullptr, 't'},
                                 {"show-config", no_argument, nullptr, 's'},
                                 {"sample-config", no_argument, nullptr, 'S'},
                                 {"version", no_argument, nullptr, 'V'},
                                 {"help", no_argument, nullptr, 'h'},
                                 {"worker", no_argument, nullptr, 'W'},
                                 {"heir", required_argument, nullptr, 'H'},
                                 {"accepted", required_argument, nullptr, 'A'},
                                 {nullptr, 0, nullptr, 0}};
  Options options;
  for (int c = getopt_long(argc, argv, "c:th", kLong, nullptr); c != -1;
       c = getopt_long(argc, argv, "c:th", kLong, nullptr)) {
    switch (c) {
      case 'c':
        options.config_path = optarg;
        break;
      case 't':
        options.action = Action::kTest;
        break;
      case 's':
        options.action = Action::kShowConfig;
        break;
      case 'S':
        options.action = Action::kSampleConfig;
        break;
      case 'V':
        options.action = Action::kVersion;
        break;
      case 'h':
        options.action = Action::kHelp;
        break;
      case 'W':
        options.action = Action::kWorker;
        break;
      case 'A':
        options.accepted_config = optarg;
        break;
      case 'H':
        options.server_pid = std::atoi(optarg);
        break;
      default:
        options.usage_error = true;
    }
  }
  return options;
}

// Secrets live in this process's memory: no core file, no other user's debugger, no files for others to read.
void Harden() {
  umask(0077);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  rlimit files{};  // two for each open stream: the usual soft limit of 1024 would do for 500
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  prctl(PR_SET_DUMPABLE, 0);
  unsetenv("SSLKEYLOGFILE");  // Debian's libcurl would write TLS secrets to it
  unsetenv("HTTP_PROXY");     // under CGI a client sets this with a Proxy header
  signal(SIGXFSZ, SIG_IGN);   // a full file is an error of the write, not the end of the process
  mallopt(M_ARENA_MAX, 4);    // a thousand threads need no arena each
}

int Fatal(const Error& error) {
  std::fprintf(stderr, "gemini-code.fcgi: %s\n", error.message.c_str());
  Log(LogLevel::kError, error.message);
  return EX_CONFIG;
}

int Test(const Config& config) {
  if (const auto salt = KeyHasher::Load(config.Text(ConfigKey::kSecretSaltFile)); !salt.ok())
    return Fatal(salt.error());
  std::printf("configuration: %s: ok\n", config.path().empty() ? "defaults" : config.path().c_str());
  std::printf("mount: %s\n", MountName(DetectMount().mount));
  return EX_OK;
}

// A worker's own arguments, behind the options: listening, status and life descriptors, the master's start and -c.
int Worker(const Config& config, const char* program, char** arguments) {
  WorkerStart start;
  start.listen_fd = std::atoi(arguments[0]);
  start.link.status_fd = std::atoi(arguments[1]);
  start.link.life_fd = std::atoi(arguments[2]);
  start.master_started_unix_ms = std::atoll(arguments[3]);
  start.program = program;
  start.config_path = arguments[4];
  return RunWorker(config, start);
}

int Serve(const Config& config, const Options& options) {
  const MountInfo mount = DetectMount();
  switch (mount.mount) {
    case Mount::kCgi:
      return RunCgi(config);
    case Mount::kFastCgi:
      break;
    case Mount::kNone:
      std::fputs("gemini-code.fcgi: no web server started this: neither a listening socket nor a CGI environment.\n",
                 stderr);
      std::fputs(kUsage, stderr);
      return EX_USAGE;
  }
  if (!config.Switch(ConfigKey::kProcessMaster)) {
    WorkerStart alone;
    alone.listen_fd = mount.listen_fd;
    return RunWorker(config, alone);
  }
  if (const auto salt = KeyHasher::Load(config.Text(ConfigKey::kSecretSaltFile)); !salt.ok())
    return Fatal(salt.error());
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Fatal({ErrorKind::kInternal, "own path: " + error.message()});
  return RunMaster(config, options.config_path, program.string(), mount.listen_fd, options.server_pid);
}

int Run(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  if (options.usage_error) {
    std::fputs(kUsage, stderr);
    return EX_USAGE;
  }
  if (options.action == Action::kHelp) return std::fputs(kUsage, stdout), EX_OK;
  if (options.action == Action::kVersion) return std::printf("gemini-code %s\n", kVersion), EX_OK;
  if (options.action == Action::kSampleConfig) return std::fputs(SampleConfig().c_str(), stdout), EX_OK;
  Harden();
  auto config = Config::Load(options.config_path);
  if (!config.ok() && !options.accepted_config.empty()) {
    // The service goes on with what the last master had, as it would after a SIGHUP.
    Log(LogLevel::kError, config.error().message);
    config = Config::Load(options.accepted_config);
  }
  if (!config.ok()) return Fatal(config.error());
  if (options.action == Action::kShowConfig) return std::fputs(config->Show().c_str(), stdout), EX_OK;
  LogInit(config->Text(ConfigKey::kLogFile), config->Text(ConfigKey::kLogLevel));
  if (options.action == Action::kTest) return Test(*config);
  if (options.action == Action::kWorker) return argc - optind == 5 ? Worker(*config, argv[0], argv + optind) : EX_USAGE;
  return Serve(*config, options);
}

}  // namespace
}  // namespace gc

int main(int argc, char** argv) { return gc::Run(argc, argv); }
