// fake_gemini_main.cc: the fake Gemini as a program.
//   fake-gemini [--port N] [--script FILE] [--record FILE]
// Prints "port N" and serves until SIGTERM, SIGINT or the end of the process that started it. --script reads canned
// answers, --record appends requests.
// SPDX-License-Identifier: MIT
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "support/fake_gemini.h"

namespace {

constexpr int kUsageError = 64;
constexpr int kNoService = 69;

int Fail(int code, const std::string& message) {
  std::fprintf(stderr, "fake-gemini: %s\n", message.c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);  // inherited by every thread: only sigwait sees them
  prctl(PR_SET_PDEATHSIG, SIGTERM);

  gc::test::FakeGemini fake;
  int port = 0;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option = argv[i];
    if (i + 1 == argc) return Fail(kUsageError, "usage: fake-gemini [--port N] [--script FILE] [--record FILE]");
    gc::Status status;
    if (option == "--port") {
      port = static_cast<int>(strtol(argv[i + 1], nullptr, 10));
    } else if (option == "--record") {
      status = fake.RecordTo(argv[i + 1]);
    } else if (option == "--script") {
      std::ifstream file(argv[i + 1]);
      std::stringstream text;
      text << file.rdbuf();
      status = fake.AddAnswers(text.str());
    } else {
      return Fail(kUsageError, "unknown option " + std::string(option));
    }
    if (!status.ok()) return Fail(kUsageError, status.error().message);
  }
  if (const gc::Status status = fake.Start(port); !status.ok()) return Fail(kNoService, status.error().message);
  std::printf("port %d\n", fake.port());
  std::fflush(stdout);
  int signal_number = 0;
  sigwait(&stop, &signal_number);
  return 0;
}
