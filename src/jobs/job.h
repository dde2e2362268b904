// job.h: the outside that all programs share: options, --help, --version, configuration, exit codes. A program derives
// from Job, and its main is `return gc::jobs::Main<Prune>(argc, argv);`.
// SPDX-License-Identifier: MIT
#pragma once

#include <Poco/Util/Application.h>
#include <Poco/Util/OptionSet.h>

#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/result.h"
#include "jobs/console.h"

namespace gc::jobs {

class Job : public Poco::Util::Application {
 public:
  // The process's whole run.
  int RunMain(int argc, char** argv);

 protected:
  struct About {
    const char* name;   // gemini-code-prune
    const char* usage;  // what follows the name
    const char* help;   // examples first, then what the program does; lines of at most 100 characters
  };
  explicit Job(const About& about) : about_(about), console_(about.name, std::cout, std::cerr) {}

  // Options of this program alone; all have -c, --db, --json, -q, -v, -h and --version.
  virtual void AddOptions(Poco::Util::OptionSet* options) = 0;
  // One of them. An error is a usage error: it says what is wrong with the value.
  virtual Status SetOption(const std::string& name, const std::string& value) = 0;
  // The program itself, once the options are read. Returns the exit code.
  virtual int Run(const std::vector<std::string>& arguments) = 0;

  Console& console() { return console_; }
  // REQUIRES: inside Run.
  const Config& config() const { return *config_; }
  // --db, else database.path.
  const std::string& database_path() const { return database_path_; }
  bool has_database_option() const { return has_database_option_; }

  // A usage error, with the way to the help.
  int Usage(const std::string& message);

 private:
  void defineOptions(Poco::Util::OptionSet& options) final;
  void handleOption(const std::string& name, const std::string& value) final;
  int main(const std::vector<std::string>& arguments) final;
  int PrintHelp();

  enum class Show { kNothing, kHelp, kVersion };

  const About about_;
  Console console_;
  std::optional<Config> config_;
  std::string config_path_;
  std::string database_path_;
  bool has_database_option_ = false;
  Status option_status_;  // the first value that was refused
  Show show_ = Show::kNothing;
};

template <class Program>
int Main(int argc, char** argv) {
  Program program;
  return program.RunMain(argc, argv);
}

// Values of options. Errors name neither option nor program: the caller does.
// A whole number within [min, max].
Result<int64_t> ReadInteger(const std::string& text, int64_t min, int64_t max);
// "90", "90s", "15m", "6h", "30d", "2w" as seconds.
Result<int64_t> ReadDuration(const std::string& text);
// "500000", "64K", "10M", "2G" (powers of 1024) as bytes.
Result<int64_t> ReadBytes(const std::string& text);

// For people: "3.4 MiB"; "2026-11-24T03:07:00Z".
std::string BytesText(int64_t bytes);
std::string TimeText(int64_t unix_s);

}  // namespace gc::jobs
