// console.h: where a program's words go: results to standard output, everything else to standard error; as text, or as
// JSON for another program. And what its exit codes mean.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gc::jobs {

// Besides those of sysexits.h: done, and there is something to look at.
inline constexpr int kExitFindings = 1;

// What a program returns for an error: 65 damaged or malformed data, 66 input missing, 69 peer not reachable, 70 a bug
// of ours, 73 cannot create, 74 I/O error or disk full, 75 locked or busy: try again later, 77 permission, 78
// configuration or schema.
int ExitCodeOf(ErrorKind kind);

enum class OutputFormat { kText, kJson };
enum class Verbosity { kQuiet, kNormal, kVerbose };

// Used by one thread. The streams outlive it.
class Console {
 public:
  Console(std::string program, std::ostream& out, std::ostream& err)
      : program_(std::move(program)), out_(&out), err_(&err) {}

  OutputFormat format = OutputFormat::kText;
  Verbosity verbosity = Verbosity::kNormal;

  const std::string& program() const { return program_; }
  bool json() const { return format == OutputFormat::kJson; }

  // A line of the result for a person: left out with --json and -q.
  void Say(std::string_view line);
  // Text that was asked for: printed whatever -q says. With --json: one document, its line end is added.
  void Print(std::string_view text);
  // How it goes, with -v only.
  void Note(std::string_view message);
  // What somebody should know though the program goes on. Never left out.
  void Warn(std::string_view message);
  // Writes why the program ends, and returns the exit code. With --json
  // {"message_type":"exit_error","code":CODE,"message":TEXT}.
  int Fail(int exit_code, std::string_view message);
  int Fail(const Error& error) { return Fail(ExitCodeOf(error.kind), error.message); }
  // One line on standard error as it is: for Progress.
  void WriteError(std::string_view text);

 private:
  void Message(std::string_view type, std::string_view message);

  std::string program_;
  std::ostream* out_;
  std::ostream* err_;
};

// How far a long piece of work is, on standard error. On a terminal a bar that is drawn over itself, from the second
// second on; elsewhere a line every ten seconds; with --json {"message_type":"status",…}; with -q nothing.
class Progress {
 public:
  // `total` and what Set gets are in `unit` ("pages", "rows", "bytes"); total 0: not known.
  Progress(Console* console, std::string what, int64_t total, std::string unit);
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap enough for every step of a loop.
  void Set(int64_t done);

 private:
  void Draw(int64_t done, int64_t now_us);
  void Clear();

  Console* console_;
  const std::string what_;
  const std::string unit_;
  const int64_t total_;
  const bool terminal_;
  const int64_t start_us_;
  int64_t next_us_;
  bool drawn_ = false;
};

}  // namespace gc::jobs
