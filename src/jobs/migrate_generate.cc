// migrate_generate.cc: for developers: writes the migration that leads from db/migrations/ to db/schema.sql.
// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/json.h"
#include "base/version.h"
#include "jobs/migrate_parts.h"

namespace gc::jobs {
namespace {

// A migration of the source tree, which may be newer than those in this program.
struct SourceMigration {
  std::string name;
  std::string sql;
};

struct Source {
  std::vector<SourceMigration> migrations;
  std::string schema_sql;
};

Result<std::string> ReadText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return Error{ErrorKind::kNotFound, "cannot read " + path};
  return text.str();
}

std::string FileName(size_t number, const std::string& name) {
  char digits[24];
  snprintf(digits, sizeof digits, "%04zu_", number);
  return digits + name + ".sql";
}

Result<Source> ReadSource(const std::string& directory) {
  Source source;
  auto schema = ReadText(directory + "/db/schema.sql");
  if (!schema) return schema.error();
  source.schema_sql = std::move(*schema);
  std::vector<std::string> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(directory + "/db/migrations", none)) {
    if (entry.path().extension() == ".sql") files.push_back(entry.path().stem().string());
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    const std::string name = file.substr(std::min<size_t>(file.size(), 5));
    if (FileName(source.migrations.size() + 1, name) != file + ".sql") {
      return Error{ErrorKind::kInvalid, directory + "/db/migrations/" + file + ".sql: its number does not follow"};
    }
    auto sql = ReadText(directory + "/db/migrations/" + file + ".sql");
    if (!sql) return sql.error();
    source.migrations.push_back({name, std::move(*sql)});
  }
  return source;
}

const store::SchemaObject* FindTable(const std::vector<store::SchemaObject>& objects, const std::string& name) {
  const auto found = std::find_if(objects.begin(), objects.end(),
                                  [&](const store::SchemaObject& o) { return o.type == "table" && o.name == name; });
  return found == objects.end() ? nullptr : &*found;
}

// Definitions that `wanted` has right behind all columns of `found`, before its table constraints. What is really
// changed shows when the statement was tried.
std::string AddedColumns(const store::SchemaObject& wanted, const store::SchemaObject& found) {
  const std::vector<std::string> now = store::TableDefinitions(wanted.sql);
  const std::vector<std::string> before = store::TableDefinitions(found.sql);
  if (now.size() <= before.size()) return {};
  const size_t same =
      static_cast<size_t>(std::mismatch(before.begin(), before.end(), now.begin()).first - before.begin());
  std::string sql;
  for (size_t i = same; i < same + now.size() - before.size(); ++i) {
    sql += "ALTER TABLE " + wanted.name + " ADD COLUMN " + now[i] + ";\n";
  }
  return sql;
}

std::string StatementsFor(const std::vector<store::SchemaDifference>& differences,
                          const std::vector<store::SchemaObject>& before) {
  std::string sql;
  for (const auto& [change, object] : differences) {
    const store::SchemaObject* found = FindTable(before, object.name);
    if (change == store::SchemaChange::kMissing) {
      sql += (sql.empty() ? "" : "\n") + object.sql + ";\n";
    } else if (change == store::SchemaChange::kChanged && found != nullptr) {
      sql += AddedColumns(object, *found);
    }
  }
  return sql;
}

// Rows in the tables that get columns: beside one, SQLite refuses what it lets pass in an empty table (NOT NULL without
// a default, a default that is no constant).
Status AddRows(store::Connection& connection, const std::vector<store::SchemaDifference>& differences) {
  for (const auto& [change, object] : differences) {
    if (change != store::SchemaChange::kChanged || object.type != "table") continue;
    const auto columns = connection.QueryInt("SELECT count(*) FROM pragma_table_info('" + object.name + "')");
    if (!columns) return columns.error();
    std::string values;
    for (int64_t i = 0; i < *columns; ++i) values += i > 0 ? ",1" : "1";
    if (Status s = connection.Execute("INSERT INTO " + object.name + " VALUES(" + values + ")"); !s.ok()) return s;
  }
  return {};
}

// Statements that make `migrated` what schema.sql says. kUnsupported, with the objects, where that needs more than new
// tables, indexes and last columns.
Result<std::string> Generate(const Source& source) {
  std::vector<store::Migration> migrations;
  for (const SourceMigration& m : source.migrations) {
    migrations.push_back({static_cast<int>(migrations.size()) + 1, m.name, m.sql});
  }
  auto migrated = store::MigrateInMemory(migrations, store::Database::kMain, kVersion);
  if (!migrated) return migrated.error();
  auto whole = store::Connection::OpenInMemory();
  if (!whole) return whole.error();
  if (Status s = whole->Execute(source.schema_sql); !s.ok()) {
    return Error{ErrorKind::kInvalid, "db/schema.sql: " + s.error().message};
  }
  const auto before = store::ReadSchema(*migrated);
  if (!before) return before.error();
  const auto wanted = store::ReadSchema(*whole);
  if (!wanted) return wanted.error();
  const auto differences = store::CompareSchemas(*wanted, *before);
  const std::string sql = StatementsFor(differences, *before);
  Status tried = AddRows(*migrated, differences);
  if (tried.ok()) tried = migrated->Execute(sql);
  if (!tried.ok()) {
    return Error{ErrorKind::kUnsupported,
                 "SQLite refuses the change; write the migration by hand: " + tried.error().message};
  }
  const auto after = store::ReadSchema(*migrated);
  if (!after) return after.error();
  std::string rest;
  for (const auto& [change, object] : store::CompareSchemas(*wanted, *after)) {
    rest += std::string(rest.empty() ? "" : ", ") + object.type + " " + object.name +
            (change == store::SchemaChange::kUnexpected ? " is gone" : " is changed");
  }
  if (rest.empty()) return sql;
  return Error{ErrorKind::kUnsupported,
               "only new tables, indexes and last columns can be generated; write the migration by hand: in "
               "db/schema.sql " +
                   rest};
}

// Never over a file that is there.
Status WriteNew(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return Error{ErrorKind::kExists, "cannot create " + path + ": " + strerror(errno)};
  const bool written =
      write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fchmod(fd, 0644) == 0;
  if (close(fd) == 0 && written) return {};
  return Error{ErrorKind::kIo, "cannot write " + path + ": " + strerror(errno)};
}

bool IsName(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void WriteJson(const std::string& path, const std::string& sql, bool dry, Console* console) {
  std::string text;
  json::Writer w(&text);
  w.BeginObject().Key("command").String("generate").Key("dry_run").Bool(dry);
  w.Key("file").String(json::CleanUtf8(path)).Key("sql").String(json::CleanUtf8(sql)).EndObject();
  console->Print(text);
}

}  // namespace

int RunGenerate(const MigrateOptions& options, Console* console) {
  if (!IsName(options.name)) {
    return console->Fail(EX_USAGE, "generate needs a name of a-z, 0-9 and _ for the migration");
  }
  const auto source = ReadSource(options.source);
  if (!source) return console->Fail(source.error());
  const auto sql = Generate(*source);
  if (!sql) return console->Fail(EX_DATAERR, sql.error().message);
  const bool dry = options.dry_run == store::DryRun::kYes;
  if (sql->empty()) {
    console->Say("db/migrations/ makes what db/schema.sql says: nothing to write");
    if (console->json()) WriteJson("", "", dry, console);
    return EX_OK;
  }
  const size_t number = source->migrations.size() + 1;
  const std::string file = FileName(number, options.name);
  const std::string path = options.source + "/db/migrations/" + file;
  const std::string text = "-- " + file.substr(0, file.size() - 4) + ": TODO: what it is for.\n" + *sql;
  if (!dry) {
    if (Status s = WriteNew(path, text); !s.ok()) {
      return console->Fail(s.error().kind == ErrorKind::kExists ? EX_CANTCREAT : EX_IOERR, s.error().message);
    }
    console->Say("wrote " + path + "; say in its first line what it is for, and set kSchemaVersion to " +
                 std::to_string(number));
  }
  if (console->json()) {
    WriteJson(path, text, dry, console);
  } else if (dry) {
    console->Print(text);
  }
  return EX_OK;
}

}  // namespace gc::jobs
