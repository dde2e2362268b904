// sql_dump.cc: writes a database as SQL text.
// SPDX-License-Identifier: MIT
#include "store/sql_dump.h"

#include <sqlite3.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "store/connection.h"

namespace gc::store {
namespace {

constexpr size_t kChunkBytes = size_t{64} << 10;

std::string Quoted(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) {
    quoted += c;
    if (c == quote) quoted += c;
  }
  return quoted + quote;
}

void AppendHex(std::string_view bytes, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  *out += "X'";
  for (const char c : bytes) {
    *out += kHex[static_cast<unsigned char>(c) >> 4];
    *out += kHex[static_cast<unsigned char>(c) & 15];
  }
  *out += '\'';
}

// A literal cannot hold NUL, and other control characters would command the terminal that shows the text.
bool IsPlain(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F) return false;
  }
  return true;
}

// Seventeen digits are enough for every double.
void AppendReal(double value, std::string* out) {
  if (std::isinf(value)) {
    *out += value > 0 ? "9e999" : "-9e999";
    return;
  }
  char text[48];
  snprintf(text, sizeof text, "%.17g", value);
  *out += text;
  if (std::string_view(text).find_first_of(".e") == std::string_view::npos) *out += ".0";
}

void AppendValue(sqlite3_stmt* statement, int column, std::string* out) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      *out += std::to_string(sqlite3_column_int64(statement, column));
      return;
    case SQLITE_FLOAT:
      AppendReal(sqlite3_column_double(statement, column), out);
      return;
    case SQLITE_TEXT: {
      const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      const std::string_view text(data, static_cast<size_t>(sqlite3_column_bytes(statement, column)));
      if (IsPlain(text)) {
        *out += Quoted(text, '\'');
        return;
      }
      *out += "CAST(";
      AppendHex(text, out);
      *out += " AS TEXT)";
      return;
    }
    case SQLITE_BLOB: {
      const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, column));
      AppendHex({data, static_cast<size_t>(sqlite3_column_bytes(statement, column))}, out);
      return;
    }
    default:
      *out += "NULL";
  }
}

class DumpWriter {
 public:
  DumpWriter(Connection* connection, const TextSink& sink, const RowProgress& progress)
      : connection_(connection), sink_(sink), progress_(progress) {}

  Status Write() {
    const auto application_id = connection_->QueryInt("PRAGMA application_id");
    if (!application_id) return application_id.error();
    const auto user_version = connection_->QueryInt("PRAGMA user_version");
    if (!user_version) return user_version.error();
    text_ = kSqlDumpHeading;
    text_ += "BEGIN;\nPRAGMA application_id=" + std::to_string(*application_id) +
             ";\nPRAGMA user_version=" + std::to_string(*user_version) + ";\n";
    if (Status s = Tables(); !s.ok()) return s;
    if (Status s = Sequences(); !s.ok()) return s;
    // After the rows: faster, and no trigger runs for them.
    if (Status s = Schema("type <> 'table' AND sql IS NOT NULL ORDER BY rowid"); !s.ok()) return s;
    text_ += "COMMIT;\n";
    return Flush();
  }

 private:
  Status Flush() {
    Status written = sink_(text_);
    text_.clear();
    return written;
  }

  Status Schema(const std::string& which) {
    auto query = connection_->Prepare("SELECT sql FROM sqlite_master WHERE " + which);
    if (!query) return query.error();
    for (;;) {
      const auto row = query->Step();
      if (!row) return row.error();
      if (!*row) return {};
      std::string statement = std::string(query->Text(0)) + ";";
      // A comment ends it, and swallowed the semicolon.
      if (sqlite3_complete(statement.c_str()) == 0) statement.insert(statement.size() - 1, 1, '\n');
      text_ += statement + "\n";
    }
  }

  Status Tables() {
    constexpr char kTables[] = "type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid";
    auto query = connection_->Prepare(std::string("SELECT name, rootpage FROM sqlite_master WHERE ") + kTables);
    if (!query) return query.error();
    for (;;) {
      const auto row = query->Step();
      if (!row) return row.error();
      if (!*row) return {};
      const std::string name(query->Text(0));
      if (query->Int(1) == 0) return Error{ErrorKind::kUnsupported, name + " is a virtual table"};
      if (Status s = Schema("type = 'table' AND name = " + Quoted(name, '\'')); !s.ok()) return s;
      if (Status s = Rows(name); !s.ok()) return s;
    }
  }

  Status Rows(const std::string& table) {
    const std::string name = Quoted(table, '"');
    auto query = connection_->Prepare("SELECT * FROM " + name);
    if (!query) return query.error();
    const std::string start = "INSERT INTO " + name + " VALUES(";
    for (;;) {
      const auto row = query->Step();
      if (!row) return row.error();
      if (!*row) return {};
      text_ += start;
      const int columns = sqlite3_column_count(query->handle());
      for (int i = 0; i < columns; ++i) {
        if (i > 0) text_ += ',';
        AppendValue(query->handle(), i, &text_);
      }
      text_ += ");\n";
      ++rows_;
      if (text_.size() < kChunkBytes) continue;
      if (Status s = Flush(); !s.ok()) return s;
      if (progress_) progress_(rows_);
    }
  }

  // SQLite makes this table with the first AUTOINCREMENT, and fills it as rows come in.
  Status Sequences() {
    const auto there = connection_->QueryInt("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'");
    if (!there) return there.error();
    if (*there == 0) return {};
    text_ += "DELETE FROM \"sqlite_sequence\";\n";
    return Rows("sqlite_sequence");
  }

  Connection* connection_;
  const TextSink& sink_;
  const RowProgress& progress_;
  std::string text_;
  int64_t rows_ = 0;
};

}  // namespace

Status WriteSqlDump(const std::string& path, const TextSink& sink, const RowProgress& progress) {
  auto connection = Connection::Open(path, OpenMode::kReadOnly, 0);
  if (!connection) return connection.error();
  Status written = DumpWriter(&*connection, sink, progress).Write();
  if (!written.ok()) return Error{written.error().kind, path + ": " + written.error().message};
  return {};
}

}  // namespace gc::store
