// config_test.cc: configuration files, fragments and environment: what wins, what is refused and where it says so.
// SPDX-License-Identifier: MIT
#include "base/config.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/temp_dir.h"

#ifndef GEMINI_CODE_LOCALSTATEDIR
#define GEMINI_CODE_LOCALSTATEDIR "/var"
#endif
#ifndef GEMINI_CODE_SYSCONFDIR
#define GEMINI_CODE_SYSCONFDIR "/etc"
#endif

namespace gc {
namespace {

using enum ConfigKey;

// Each test starts without any GEMINI_CODE_ variable and takes its own away again.
class ConfigTest : public testing::Test {
 protected:
  ConfigTest() { ClearEnvironment(); }
  ~ConfigTest() override { ClearEnvironment(); }

  static void ClearEnvironment() {
    std::vector<std::string> names;
    for (char** at = environ; *at != nullptr; ++at) {
      const std::string_view variable(*at);
      if (variable.starts_with("GEMINI_CODE_")) names.emplace_back(variable.substr(0, variable.find('=')));
    }
    for (const std::string& name : names) unsetenv(name.c_str());
  }

  std::string Write(std::string_view content) const { return dir_.Write("gemini-code.properties", content); }

  // The error of loading a file with this content, less the file's name; empty when it loads.
  std::string ErrorOf(std::string_view content) const {
    const std::string file = Write(content);
    const auto config = Config::Load(file);
    if (config.ok()) return "";
    EXPECT_EQ(config.error().kind, ErrorKind::kConfig);
    std::string message = config.error().message;
    for (size_t at = message.find(dir_.path()); at != std::string::npos; at = message.find(dir_.path())) {
      message.erase(at, dir_.path().size() + 1);
    }
    return message;
  }

  const TempDir dir_;
};

// `N: pattern value`, one to a line.
std::string RowsOf(const Config& config) {
  std::string text;
  for (const auto& [number, row] : config.Patterns(ConfigTable::kModelsAlias).rows()) {
    text += std::to_string(number) + ": " + row.pattern + " " + row.value + "\n";
  }
  return text;
}

void ExpectSameValues(const Config& a, const Config& b) {
  for (const ConfigKeyInfo& info : ConfigKeys()) {
    EXPECT_EQ(a.Text(info.key), b.Text(info.key)) << info.name;
    EXPECT_EQ(a.Int(info.key), b.Int(info.key)) << info.name;
  }
  EXPECT_EQ(RowsOf(a), RowsOf(b));
}

TEST_F(ConfigTest, EveryDefaultPassesItsOwnCheck) {
  std::set<std::string_view> names;
  const Config config = Config::Defaults();
  for (const ConfigKeyInfo& info : ConfigKeys()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name << " is there twice";
    EXPECT_EQ(config.Text(info.key), info.default_value) << info.name;
    EXPECT_EQ(config.Origin(info.key), "default") << info.name;
    EXPECT_FALSE(info.help.empty()) << info.name;
    EXPECT_TRUE(info.help.ends_with('.')) << info.name;
  }
  EXPECT_EQ(config.Int(kWorkerThreads), 1100);
  EXPECT_TRUE(config.Switch(kProcessMaster));
}

TEST_F(ConfigTest, ReadsKeysBlanksAndComments) {
  const auto config =
      Config::Load(Write("# a comment\n"
                         "\n"
                         "  \t# another, indented\n"
                         "worker.threads=7\n"
                         "  log.level\t = \t warn \r\n"
                         "log.file = /var/log/a file # not a comment = part of the value\n"
                         "upstream.proxy =\n"
                         "process.master = off"));
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->Int(kWorkerThreads), 7);
  EXPECT_EQ(config->Text(kLogLevel), "warn");
  EXPECT_EQ(config->Text(kLogFile), "/var/log/a file # not a comment = part of the value");
  EXPECT_EQ(config->Text(kUpstreamProxy), "");
  EXPECT_FALSE(config->Switch(kProcessMaster));
  EXPECT_EQ(config->path(), dir_.Path("gemini-code.properties"));
  EXPECT_EQ(config->Origin(kLogLevel), config->path() + ":5");
  EXPECT_EQ(config->Origin(kSpoolDir), "default");
}

TEST_F(ConfigTest, RefusesWithFileAndLine) {
  const struct {
    const char* name;
    const char* content;
    const char* error;
  } cases[] = {
      {"unknown key", "\nworker.thread = 5", "gemini-code.properties:2: unknown key worker.thread"},
      {"key in upper case", "Worker.Threads = 5", "gemini-code.properties:1: unknown key Worker.Threads"},
      {"no key", "= 5", "gemini-code.properties:1: unknown key "},
      {"no equals sign", "worker.threads 5", "gemini-code.properties:1: expected key = value"},
      {"duplicate key", "worker.threads = 5\n\nworker.threads = 5",
       "gemini-code.properties:3: duplicate key worker.threads, first at gemini-code.properties:1"},
      {"word for a number", "worker.threads = many", "gemini-code.properties:1: worker.threads must be a whole number"},
      {"nothing for a number", "worker.threads =", "gemini-code.properties:1: worker.threads must be a whole number"},
      {"unit", "process.drain_s = 5s", "gemini-code.properties:1: process.drain_s must be a whole number"},
      {"fraction", "process.drain_s = 1.5", "gemini-code.properties:1: process.drain_s must be a whole number"},
      {"beyond 64 bits", "process.drain_s = 99999999999999999999",
       "gemini-code.properties:1: process.drain_s must be a whole number"},
      {"too small", "worker.threads = 1", "gemini-code.properties:1: worker.threads must lie between 2 and 16384"},
      {"too large", "worker.threads = 16385", "gemini-code.properties:1: worker.threads must lie between 2 and 16384"},
      {"negative", "worker.threads = -5", "gemini-code.properties:1: worker.threads must lie between 2 and 16384"},
      {"switch", "process.master = yes", "gemini-code.properties:1: process.master must be on or off"},
      {"switch in upper case", "process.master = ON", "gemini-code.properties:1: process.master must be on or off"},
      {"choice", "log.level = warning", "gemini-code.properties:1: log.level must be one of debug|info|warn|error"},
      {"part of a choice", "log.level = info|warn",
       "gemini-code.properties:1: log.level must be one of debug|info|warn|error"},
      {"no choice", "log.level =", "gemini-code.properties:1: log.level must be one of debug|info|warn|error"},
  };
  for (const auto& c : cases) EXPECT_EQ(ErrorOf(c.content), c.error) << c.name;
  EXPECT_EQ(ErrorOf("worker.threads = 2\nprocess.drain_s = 0\n"), "") << "the bounds themselves are allowed";
}

TEST_F(ConfigTest, PatternTables) {
  dir_.Write("conf.d/a.properties", "models.alias.7 = b*  late\nmodels.alias.904 =\n");
  setenv("GEMINI_CODE_MODELS_ALIAS_9", " c env ", 1);
  setenv("GEMINI_CODE_MODELS_ALIAS_X", "no row", 1);
  const auto config = Config::Load(Write("models.alias.30 = x y\nmodels.alias.7 = a* early\nmodels.alias.1=z*\tw.1\n"));
  ASSERT_TRUE(config.ok()) << config.error().message;
  const auto& rows = config->Patterns(ConfigTable::kModelsAlias).rows();
  EXPECT_TRUE(RowsOf(*config).starts_with("1: z* w.1\n7: b* late\n9: c env\n30: x y\n901: claude-*opus* "))
      << RowsOf(*config);
  EXPECT_EQ(rows.at(904).pattern, "");
  EXPECT_EQ(rows.at(7).origin, dir_.Path("conf.d/a.properties:1"));
  EXPECT_EQ(rows.at(9).origin, "environment");
  EXPECT_EQ(rows.at(901).origin, "default");
  EXPECT_NE(config->Show().find("\nmodels.alias.1 = z* w.1  # " + config->path() + ":3\n"), std::string::npos);
  ClearEnvironment();
  const auto again = Config::Load(dir_.Write("again/b.properties", config->ToFile()));
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(RowsOf(*again), RowsOf(*config)) << "a worker has the rows of its master, taken out ones too";
}

TEST_F(ConfigTest, PatternTablesRefuse) {
  const struct {
    const char* content;
    const char* error;
  } cases[] = {
      {"models.alias.1 = a b\nmodels.alias.1 = a b",
       "gemini-code.properties:2: duplicate key models.alias.1, first at gemini-code.properties:1"},
      {"models.alias.901 = a b\nmodels.alias.901 =",
       "gemini-code.properties:2: duplicate key models.alias.901, first at gemini-code.properties:1"},
      {"models.alias.0 = a b", "gemini-code.properties:1: unknown key models.alias.0"},
      {"models.alias.01 = a b", "gemini-code.properties:1: unknown key models.alias.01"},
      {"models.alias.10000 = a b", "gemini-code.properties:1: unknown key models.alias.10000"},
      {"models.alias.x = a b", "gemini-code.properties:1: unknown key models.alias.x"},
      {"models.alias. = a b", "gemini-code.properties:1: unknown key models.alias."},
      {"models.alias = a b", "gemini-code.properties:1: unknown key models.alias"},
      {"models.aliases.1 = a b", "gemini-code.properties:1: unknown key models.aliases.1"},
      {"models.alias.1 = a",
       "gemini-code.properties:1: models.alias.1 must be a pattern and a value, separated by blanks, or empty"},
      {"models.alias.1 = a b c",
       "gemini-code.properties:1: models.alias.1 must be a pattern and a value, separated by blanks, or empty"},
      {"models.alias.1 = a b*",
       "gemini-code.properties:1: models.alias.1 must end in a name of letters, digits, `.`, `_` and `-`"},
  };
  for (const auto& c : cases) EXPECT_EQ(ErrorOf(c.content), c.error) << c.content;
  setenv("GEMINI_CODE_MODELS_ALIAS_9", "alone", 1);
  EXPECT_EQ(ErrorOf(""), "environment: models.alias.9 must be a pattern and a value, separated by blanks, or empty");
}

TEST(ConfigPatterns, Match) {
  const struct {
    const char* pattern;
    const char* text;
    bool matches;
  } cases[] = {
      {"a", "a", true},     {"a", "ab", false},         {"", "", true},       {"", "a", false},
      {"*", "", true},      {"a*", "a", true},          {"a*c", "abc", true}, {"a*c", "abcd", false},
      {"*b*", "abc", true}, {"a*b*c", "aXbYbZc", true}, {"a**c", "ac", true}, {"*aab", "aaaab", true},
      {"A*", "a", false},
  };
  for (const auto& c : cases) EXPECT_EQ(MatchesPattern(c.pattern, c.text), c.matches) << c.pattern << " " << c.text;
}

TEST_F(ConfigTest, Urls) {
  constexpr std::string_view kForm = "must be scheme://host[:port] without a path";
  constexpr std::string_view kScheme = "must begin with https:// or http://";
  constexpr std::string_view kPort = "has no port between 1 and 65535 after the colon";
  constexpr std::string_view kPlain = "may use http only for a loopback host (127.0.0.1, localhost, [::1])";
  const struct {
    const char* url;
    std::string_view error;
  } cases[] = {
      {"https://generativelanguage.googleapis.com", ""},
      {"https://example.org:8443", ""},
      {"https://[2001:db8::1]", ""},
      {"https://[2001:db8::1]:443", ""},
      {"http://127.0.0.1", ""},
      {"http://127.1.2.3:9000", ""},
      {"http://localhost:65535", ""},
      {"http://[::1]:1", ""},
      {"", kScheme},
      {"generativelanguage.googleapis.com", kScheme},
      {"HTTPS://example.org", kScheme},
      {"ftp://example.org", kScheme},
      {"https:/example.org", kScheme},
      {"https://", kForm},
      {"https://:443", kForm},
      {"https://example.org/", kForm},
      {"https://example.org/v1beta", kForm},
      {"https://example.org?x", kForm},
      {"https://example.org#x", kForm},
      {"https://user@example.org", kForm},
      {"https://user:secret@example.org", kPort},
      {"https://a b", kForm},
      {"https://a:b:80", kForm},
      {"https://[::1", kForm},
      {"https://[x]", kForm},
      {"https://example.org:", kPort},
      {"https://example.org:0", kPort},
      {"https://example.org:65536", kPort},
      {"https://example.org:8o", kPort},
      {"http://example.org", kPlain},
      {"http://192.0.2.1:80", kPlain},
      {"http://0.0.0.0", kPlain},
      {"http://[::]", kPlain},
      {"http://127.0.0.1.example.org", kPlain},
      {"http://127.example.org", kPlain},
      {"http://localhost.example.org", kPlain},
  };
  for (const auto& c : cases) {
    const std::string want = c.error.empty() ? "" : "gemini-code.properties:1: upstream.url " + std::string(c.error);
    EXPECT_EQ(ErrorOf(std::string("upstream.url = ") + c.url), want) << c.url;
  }
}

TEST_F(ConfigTest, Hosts) {
  EXPECT_EQ(ErrorOf("media.hosts = example.org, *.example.com"), "");
  EXPECT_EQ(ErrorOf("media.hosts ="), "");
  EXPECT_EQ(ErrorOf("media.hosts = a.org https://example.org"),
            "gemini-code.properties:1: media.hosts must hold host names in lower case, `*.` and a name, or `*`; not "
            "https://example.org");
}

TEST_F(ConfigTest, ReportsAllErrorsAtOnce) {
  dir_.Write("conf.d/a.properties", "no.such = 1\n");
  setenv("GEMINI_CODE_LOG_LEVEL", "loud", 1);
  EXPECT_EQ(ErrorOf("worker.threads = x\nprocess.master = y\nprocess.master = off"),
            "gemini-code.properties:1: worker.threads must be a whole number\n"
            "gemini-code.properties:2: process.master must be on or off\n"
            "gemini-code.properties:3: duplicate key process.master, first at gemini-code.properties:2\n"
            "conf.d/a.properties:1: unknown key no.such\n"
            "environment: log.level must be one of debug|info|warn|error");
}

TEST_F(ConfigTest, FragmentsOverrideInNameOrder) {
  dir_.Write("conf.d/10-first.properties", "worker.threads = 10\nlog.level = debug\n");
  dir_.Write("conf.d/9-last.properties", "worker.threads = 9\n");  // '9' sorts after '1'
  dir_.Write("conf.d/20-other.conf", "no such syntax");
  dir_.Write("conf.d/99.properties.dpkg-old", "no such syntax");
  const auto config = Config::Load(Write("worker.threads = 5\nlog.level = warn\nspool.dir = /spool\n"));
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->Int(kWorkerThreads), 9);
  EXPECT_EQ(config->Origin(kWorkerThreads), dir_.Path("conf.d/9-last.properties:1"));
  EXPECT_EQ(config->Text(kLogLevel), "debug");
  EXPECT_EQ(config->Text(kSpoolDir), "/spool");
}

// Whatever order the directory has: each fragment shares one key with the next, and the next must win.
TEST_F(ConfigTest, EachFragmentOverridesTheOneBefore) {
  std::vector<const ConfigKeyInfo*> keys;
  for (const ConfigKeyInfo& info : ConfigKeys()) {
    if (info.type == ConfigType::kInteger && info.min <= 1 && info.max >= 64) keys.push_back(&info);
  }
  ASSERT_GE(keys.size(), 8U);
  for (size_t i = 0; i + 1 < keys.size(); ++i) {
    const std::string line = " = " + std::to_string(i + 1) + "\n";
    dir_.Write("conf.d/" + std::to_string(10 + i) + ".properties",
               std::string(keys[i]->name) + line + std::string(keys[i + 1]->name) + line);
  }
  const auto config = Config::Load(Write(""));
  ASSERT_TRUE(config.ok()) << config.error().message;
  for (size_t i = 0; i + 1 < keys.size(); ++i) {
    EXPECT_EQ(config->Int(keys[i]->key), static_cast<int64_t>(i + 1)) << keys[i]->name;
  }
}

TEST_F(ConfigTest, EnvironmentWins) {
  dir_.Write("conf.d/a.properties", "worker.threads = 10\n");
  setenv("GEMINI_CODE_WORKER_THREADS", "11", 1);
  setenv("GEMINI_CODE_UPSTREAM_FIRST_BYTE_TIMEOUT_S", "12", 1);
  setenv("GEMINI_CODE_UPSTREAM_PROXY", "", 1);
  const auto config = Config::Load(Write("worker.threads = 5\nupstream.proxy = http://127.0.0.1:3128\n"));
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->Int(kWorkerThreads), 11);
  EXPECT_EQ(config->Origin(kWorkerThreads), "environment");
  EXPECT_EQ(config->Int(kUpstreamFirstByteTimeoutS), 12);
  EXPECT_EQ(config->Text(kUpstreamProxy), "") << "an empty variable is a value too";
}

TEST_F(ConfigTest, FindsItsFile) {
  const std::string named = dir_.Write("named/a.properties", "worker.threads = 5\n");
  const std::string given = dir_.Write("given/b.properties", "worker.threads = 6\n");
  setenv("GEMINI_CODE_CONF", named.c_str(), 1);
  EXPECT_EQ(Config::Load("")->Int(kWorkerThreads), 5);
  EXPECT_EQ(Config::Load(given)->Int(kWorkerThreads), 6) << "-c goes before the environment";
}

TEST_F(ConfigTest, AnExplicitFileMustBeReadable) {
  const std::string missing = dir_.Path("none.properties");
  EXPECT_EQ(Config::Load(missing).error().message, missing + ": no such configuration file");
  setenv("GEMINI_CODE_CONF", missing.c_str(), 1);
  EXPECT_EQ(Config::Load("").error().message, missing + ": no such configuration file");
  EXPECT_EQ(Config::Load(dir_.path()).error().message, dir_.path() + ": cannot be read");
}

TEST_F(ConfigTest, ShowPrintsValuesWithTheirOrigin) {
  const std::string file = Write("worker.threads = 5\n");
  setenv("GEMINI_CODE_LOG_LEVEL", "warn", 1);
  const std::string show = Config::Load(file)->Show();
  EXPECT_NE(show.find("worker.threads = 5  # " + file + ":1\n"), std::string::npos) << show;
  EXPECT_NE(show.find("log.level = warn  # environment\n"), std::string::npos) << show;
  EXPECT_NE(show.find("process.drain_s = 180  # default\n"), std::string::npos) << show;
  EXPECT_EQ(std::count(show.begin(), show.end(), '\n'),
            static_cast<ptrdiff_t>(ConfigKeys().size() + ConfigTables()[0].defaults.size()));
}

TEST_F(ConfigTest, SampleChangesNothing) {
  const auto config = Config::Load(Write(SampleConfig()));
  ASSERT_TRUE(config.ok()) << config.error().message;
  ExpectSameValues(*config, Config::Defaults());
  for (const ConfigKeyInfo& info : ConfigKeys()) EXPECT_EQ(config->Origin(info.key), "default") << info.name;
}

TEST_F(ConfigTest, SampleUncommentedGivesTheDefaults) {
  // `#key = value` is a key; help lines have a blank after the '#'.
  std::istringstream sample(SampleConfig());
  std::string text;
  for (std::string line; std::getline(sample, line);) {
    EXPECT_LE(line.size(), 120U) << line;
    const bool is_key = line.starts_with('#') && line.size() > 1 && line[1] != ' ';
    text += (is_key ? line.substr(1) : line) + "\n";
  }
  const auto config = Config::Load(Write(text));
  ASSERT_TRUE(config.ok()) << config.error().message;
  ExpectSameValues(*config, Config::Defaults());
  for (const ConfigKeyInfo& info : ConfigKeys()) {
    EXPECT_TRUE(config->Origin(info.key).starts_with(config->path())) << info.name << " is missing from the sample";
  }
}

// The shipped file stands for /etc and /var; a build for other directories shows its own.
TEST_F(ConfigTest, ShippedFileIsTheSample) {
  std::string shipped = ReadFile("conf/gemini-code.properties");
  ASSERT_FALSE(shipped.empty()) << "run the tests from the repository's root";
  const std::pair<std::string, std::string> directories[] = {
      {"/etc/gemini-code/", GEMINI_CODE_SYSCONFDIR "/gemini-code/"},
      {"/var/lib/gemini-code/", GEMINI_CODE_LOCALSTATEDIR "/lib/gemini-code/"},
  };
  for (const auto& [from, to] : directories) {
    for (size_t at = shipped.find(from); at != std::string::npos; at = shipped.find(from, at + to.size())) {
      shipped.replace(at, from.size(), to);
    }
  }
  EXPECT_EQ(shipped, SampleConfig());
}

TEST(Config, ToFileGivesTheSameValues) {
  const TempDir dir;
  const auto first =
      Config::Load(dir.Write("a.properties", "worker.threads = 7\nupstream.proxy = http://p:1\nlog.level = warn\n"));
  ASSERT_TRUE(first.ok()) << first.error().message;
  const auto second = Config::Load(dir.Write("b.properties", first->ToFile()));
  ASSERT_TRUE(second.ok()) << second.error().message;
  for (const ConfigKeyInfo& info : ConfigKeys()) EXPECT_EQ(second->Text(info.key), first->Text(info.key)) << info.name;
}

}  // namespace
}  // namespace gc
