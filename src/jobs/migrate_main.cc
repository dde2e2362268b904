// migrate_main.cc: the command line of gemini-code-migrate.
// SPDX-License-Identifier: MIT
#include <Poco/Util/Application.h>
#include <Poco/Util/HelpFormatter.h>
#include <Poco/Util/Option.h>
#include <Poco/Util/OptionSet.h>
#include <sysexits.h>

#include <iostream>

#include "base/config.h"
#include "base/version.h"
#include "jobs/migrate.h"

namespace gc::jobs {
namespace {

constexpr char kHelpText[] =
    "Examples:\n"
    "  gemini-code-migrate up                 make or update the configured databases\n"
    "  gemini-code-migrate status             what is missing; exit 1 when something is\n"
    "  gemini-code-migrate up --dry-run       print the SQL that would run\n"
    "  gemini-code-migrate up --db FILE       this main database only\n"
    "\n"
    "Brings the databases to the schema of this program, forward only. Without --db and --state-db both configured\n"
    "databases are meant.\n";

class MigrateApplication : public Poco::Util::Application {
 protected:
  void defineOptions(Poco::Util::OptionSet& options) override {
    using Poco::Util::Option;
    Application::defineOptions(options);
    options.addOption(Option("config", "c", "configuration file").argument("CONF"));
    options.addOption(Option("db", "", "main database, instead of database.path").argument("FILE"));
    options.addOption(Option("state-db", "", "state database, instead of database.state_path").argument("FILE"));
    options.addOption(Option("dry-run", "n", "change nothing; print the SQL"));
    options.addOption(Option("json", "", "print one JSON document"));
    options.addOption(Option("quiet", "q", "print errors only"));
    options.addOption(Option("help", "h", "print this help"));
    options.addOption(Option("version", "", "print the version"));
  }

  void handleOption(const std::string& name, const std::string& value) override {
    Application::handleOption(name, value);
    if (name == "config") config_path_ = value;
    if (name == "db") options_.database_path = value;
    if (name == "state-db") options_.state_path = value;
    if (name == "dry-run") options_.dry_run = store::DryRun::kYes;
    if (name == "json") options_.format = OutputFormat::kJson;
    if (name == "quiet") options_.verbosity = Verbosity::kQuiet;
    if (name == "help") show_ = Show::kHelp;
    if (name == "version") show_ = Show::kVersion;
    if (name == "help" || name == "version") stopOptionsProcessing();
  }

  int main(const std::vector<std::string>& arguments) override {
    if (show_ == Show::kHelp) return PrintHelp();
    if (show_ == Show::kVersion) {
      std::cout << "gemini-code-migrate " << kVersion << "\n";
      return EX_OK;
    }
    if (arguments.size() > 1) {
      return ReportError(options_.format, EX_USAGE, "unexpected argument '" + arguments[1] + "'", std::cerr);
    }
    if (!arguments.empty()) options_.command = arguments[0];
    if (options_.database_path.empty() && options_.state_path.empty()) {
      const auto loaded = Config::Load(config_path_);
      if (!loaded) return ReportError(options_.format, EX_CONFIG, loaded.error().message, std::cerr);
      options_.database_path = loaded->Text(ConfigKey::kDatabasePath);
      options_.state_path = loaded->Text(ConfigKey::kDatabaseStatePath);
    }
    return RunMigrate(options_, std::cout, std::cerr);
  }

 private:
  enum class Show { kNothing, kHelp, kVersion };

  int PrintHelp() {
    Poco::Util::HelpFormatter formatter(options());
    formatter.setUnixStyle(true);
    formatter.setWidth(120);
    formatter.setCommand("gemini-code-migrate");
    formatter.setUsage("up|status [OPTION...]");
    formatter.setHeader(kHelpText);
    formatter.format(std::cout);
    return EX_OK;
  }

  MigrateOptions options_;
  std::string config_path_;
  Show show_ = Show::kNothing;
};

}  // namespace
}  // namespace gc::jobs

int main(int argc, char** argv) {
  gc::jobs::MigrateApplication application;
  try {
    application.setUnixOptions(true);
    application.init(argc, argv);
    return application.run();
  } catch (const Poco::Exception& e) {
    std::cerr << "gemini-code-migrate: " << e.displayText() << "; try --help\n";
    return EX_USAGE;
  }
}
