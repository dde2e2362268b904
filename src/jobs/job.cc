// job.cc: reads the command line and the configuration, then runs the program.
// SPDX-License-Identifier: MIT
#include "jobs/job.h"

#include <Poco/Util/HelpFormatter.h>
#include <Poco/Util/Option.h>
#include <Poco/Util/OptionException.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <limits>

#include "base/version.h"

namespace gc::jobs {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

struct Unit {
  char letter;
  int64_t factor;
};

Result<int64_t> ReadWithUnit(const std::string& text, std::initializer_list<Unit> units, const char* what) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  const Error wrong{ErrorKind::kInvalid, "'" + text + "' is not " + what};
  if (error != std::errc() || number < 0) return wrong;
  if (rest == end) return number;
  for (const Unit& unit : units) {
    if (*rest == unit.letter && rest + 1 == end && number <= kMax / unit.factor) return number * unit.factor;
  }
  return wrong;
}

}  // namespace

int Job::RunMain(int argc, char** argv) {
  // What a program makes is its user's alone. A closed pipe or a file size limit is an error of a write, not a death.
  umask(0077);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  try {
    setUnixOptions(true);
    init(argc, argv);
    return run();
  } catch (const Poco::Util::OptionException& e) {
    return Usage(e.displayText());
  } catch (const Poco::Exception& e) {
    return console_.Fail(EX_SOFTWARE, e.displayText());
  } catch (const std::exception& e) {
    return console_.Fail(EX_SOFTWARE, e.what());
  }
}

int Job::Usage(const std::string& message) { return console_.Fail(EX_USAGE, message + "; try --help"); }

void Job::defineOptions(Poco::Util::OptionSet& options) {
  using Poco::Util::Option;
  Application::defineOptions(options);
  AddOptions(&options);
  options.addOption(Option("config", "c", "configuration file").argument("FILE"));
  options.addOption(Option("db", "", "main database, instead of database.path").argument("FILE"));
  options.addOption(Option("json", "", "print the result as JSON, messages too"));
  options.addOption(Option("quiet", "q", "print errors and warnings only"));
  options.addOption(Option("verbose", "v", "say what is done"));
  options.addOption(Option("help", "h", "print this help"));
  options.addOption(Option("version", "", "print the version"));
}

void Job::handleOption(const std::string& name, const std::string& value) {
  Application::handleOption(name, value);
  if (name == "config") {
    config_path_ = value;
  } else if (name == "db") {
    database_path_ = value;
    has_database_option_ = true;
  } else if (name == "json") {
    console_.format = OutputFormat::kJson;
  } else if (name == "quiet") {
    console_.verbosity = Verbosity::kQuiet;
  } else if (name == "verbose") {
    console_.verbosity = Verbosity::kVerbose;
  } else if (name == "help" || name == "version") {
    show_ = name == "help" ? Show::kHelp : Show::kVersion;
    stopOptionsProcessing();
  } else if (const Status set = SetOption(name, value); !set.ok() && option_status_.ok()) {
    option_status_ = Error{set.error().kind, "--" + name + ": " + set.error().message};
  }
}

int Job::main(const std::vector<std::string>& arguments) {
  if (show_ == Show::kHelp) return PrintHelp();
  if (show_ == Show::kVersion) {
    std::cout << about_.name << " " << kVersion << "\n";
    return EX_OK;
  }
  if (!option_status_.ok()) return Usage(option_status_.error().message);
  auto config = Config::Load(config_path_);
  if (!config) return console_.Fail(EX_CONFIG, config.error().message);
  config_ = std::move(*config);
  if (database_path_.empty()) database_path_ = config_->Text(ConfigKey::kDatabasePath);
  return Run(arguments);
}

int Job::PrintHelp() {
  Poco::Util::HelpFormatter formatter(options());
  formatter.setUnixStyle(true);
  formatter.setWidth(120);
  formatter.setCommand(about_.name);
  formatter.setUsage(about_.usage);
  formatter.setHeader(about_.help);
  formatter.format(std::cout);
  return EX_OK;
}

Result<int64_t> ReadInteger(const std::string& text, int64_t min, int64_t max) {
  const auto number = ReadWithUnit(text, {}, "a whole number");
  if (!number) return number.error();
  if (*number < min || *number > max) {
    return Error{ErrorKind::kInvalid,
                 "'" + text + "' is not between " + std::to_string(min) + " and " + std::to_string(max)};
  }
  return *number;
}

Result<int64_t> ReadDuration(const std::string& text) {
  return ReadWithUnit(text, {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}},
                      "a duration such as 90s, 15m, 6h or 30d");
}

Result<int64_t> ReadBytes(const std::string& text) {
  return ReadWithUnit(text, {{'K', 1 << 10}, {'M', 1 << 20}, {'G', 1 << 30}}, "a size such as 64K, 10M or 2G");
}

std::string BytesText(int64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  const char* unit = "KiB";
  for (const char* next : {"MiB", "GiB", "TiB"}) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  char text[48];
  snprintf(text, sizeof text, "%.1f %s", value, unit);
  return text;
}

std::string TimeText(int64_t unix_s) {
  const time_t seconds = static_cast<time_t>(unix_s);
  struct tm utc {};
  gmtime_r(&seconds, &utc);
  char text[48];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace gc::jobs
