// sql_read.cc: fills a database from SQL text that WriteSqlDump wrote.
// SPDX-License-Identifier: MIT
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "store/connection.h"
#include "store/sql_dump.h"

namespace gc::store {
namespace {

// One statement; a row of ours has a few kilobytes.
constexpr size_t kMaxStatementBytes = size_t{64} << 20;
constexpr size_t kReadBytes = size_t{256} << 10;

// Lines of the text, end of line included.
class Lines {
 public:
  explicit Lines(const TextSource& source) : source_(source) {}

  // Appends the next line; false at the end. kCorrupt when *line grows too large.
  Result<bool> Append(std::string* line) {
    for (;;) {
      const size_t end = buffer_.find('\n', at_);
      const size_t take = (end == std::string::npos ? buffer_.size() : end + 1) - at_;
      line->append(buffer_, at_, take);
      at_ += take;
      if (line->size() > kMaxStatementBytes) return Error{ErrorKind::kCorrupt, "a statement is too long"};
      if (end != std::string::npos) return ++number_, true;
      buffer_.resize(kReadBytes);
      const auto bytes = source_(buffer_.data(), buffer_.size());
      buffer_.resize(bytes ? *bytes : 0);
      at_ = 0;
      if (!bytes) return bytes.error();
      if (*bytes == 0) return !line->empty();
    }
  }

  int64_t number() const { return number_; }

 private:
  const TextSource& source_;
  std::string buffer_;
  size_t at_ = 0;
  int64_t number_ = 0;
};

// One literal of an INSERT. Text and blobs point into the statement, or into `bytes`.
class Literals {
 public:
  explicit Literals(std::string_view text) : text_(text) {}

  bool Take(std::string_view token) {
    if (!text_.starts_with(token)) return false;
    text_.remove_prefix(token.size());
    return true;
  }

  // What stands between quotes, doubled ones made single; false when it does not end.
  bool TakeQuoted(char quote, std::string* out) {
    if (text_.empty() || text_.front() != quote) return false;
    for (size_t from = 1;;) {
      const size_t end = text_.find(quote, from);
      if (end == std::string_view::npos) return false;
      out->append(text_, from, end - from);
      if (end + 1 == text_.size() || text_[end + 1] != quote) {
        text_.remove_prefix(end + 1);
        return true;
      }
      *out += quote;
      from = end + 2;
    }
  }

  bool HasPairs(char quote) const { return std::count(text_.begin(), text_.end(), quote) % 2 == 0; }

  bool TakeHex(std::string* out) {
    if (!Take("X'")) return false;
    const size_t end = text_.find('\'');
    if (end == std::string_view::npos || end % 2 != 0) return false;
    for (size_t i = 0; i < end; i += 2) {
      unsigned char byte = 0;
      const auto [rest, error] = std::from_chars(text_.data() + i, text_.data() + i + 2, byte, 16);
      if (error != std::errc() || rest != text_.data() + i + 2) return false;
      *out += static_cast<char>(byte);
    }
    text_.remove_prefix(end + 1);
    return true;
  }

  // Binds the next literal; false when there is none that WriteSqlDump writes.
  bool Bind(sqlite3_stmt* statement, int position) {
    std::string bytes;
    if (Take("NULL")) return sqlite3_bind_null(statement, position) == SQLITE_OK;
    if (text_.starts_with('\'')) return TakeQuoted('\'', &bytes) && BindText(statement, position, bytes);
    if (Take("CAST(")) return TakeHex(&bytes) && Take(" AS TEXT)") && BindText(statement, position, bytes);
    if (text_.starts_with('X')) {
      return TakeHex(&bytes) &&
             sqlite3_bind_blob64(statement, position, bytes.data(), bytes.size(), SQLITE_TRANSIENT) == SQLITE_OK;
    }
    return BindNumber(statement, position);
  }

 private:
  static bool BindText(sqlite3_stmt* statement, int position, const std::string& text) {
    return sqlite3_bind_text64(statement, position, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8) ==
           SQLITE_OK;
  }

  bool BindNumber(sqlite3_stmt* statement, int position) {
    const std::string number(text_.substr(0, text_.find_first_not_of("+-.0123456789e")));
    if (number.empty()) return false;
    text_.remove_prefix(number.size());
    const char* end = number.data() + number.size();
    if (number.find_first_of(".e") == std::string::npos) {
      int64_t value = 0;
      const auto [rest, error] = std::from_chars(number.data(), end, value);
      return error == std::errc() && rest == end && sqlite3_bind_int64(statement, position, value) == SQLITE_OK;
    }
    char* rest = nullptr;
    const double value = strtod(number.c_str(), &rest);
    return rest == end && sqlite3_bind_double(statement, position, value) == SQLITE_OK;
  }

  std::string_view text_;
};

// What CREATE may do inside its own database. Functions and columns are for checks, defaults and indexes; what views
// and triggers select is looked at when they are used.
int Authorize(void* /*unused*/, int action, const char* table, const char* /*column*/, const char* database,
              const char* /*trigger*/) {
  switch (action) {
    case SQLITE_CREATE_INDEX:
    case SQLITE_CREATE_TABLE:
    case SQLITE_CREATE_TRIGGER:
    case SQLITE_CREATE_VIEW:
    case SQLITE_REINDEX:
      return database != nullptr && strcmp(database, "main") == 0 ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
      // The schema table, which CREATE itself writes.
      return table != nullptr && strcmp(table, "sqlite_master") == 0 ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_READ:
    case SQLITE_FUNCTION:
      return SQLITE_OK;
    default:
      return SQLITE_DENY;
  }
}

class DumpReader {
 public:
  DumpReader(Connection* connection, const TextSource& source, const RowProgress& progress)
      : connection_(connection), lines_(source), progress_(progress) {}

  Status Read() {
    Status read = Statements();
    if (read.ok() || read.error().kind != ErrorKind::kCorrupt) return read;
    return Error{ErrorKind::kCorrupt, "line " + std::to_string(lines_.number()) + ": " + read.error().message};
  }

 private:
  Status Statements() {
    for (const std::string_view expected : {kSqlDumpHeading, std::string_view("BEGIN;\n")}) {
      if (Status s = Next(); !s.ok()) return s;
      if (statement_ != expected) return Error{ErrorKind::kCorrupt, "not an SQL backup of Gemini Code"};
    }
    if (Status s = connection_->Execute("BEGIN"); !s.ok()) return s;
    for (const std::string_view pragma : {"PRAGMA application_id=", "PRAGMA user_version="}) {
      if (Status s = Pragma(pragma); !s.ok()) return s;
    }
    for (;;) {
      if (Status s = Next(); !s.ok()) return s;
      if (statement_ == "COMMIT;\n") break;
      if (Status s = One(); !s.ok()) return s;
    }
    std::string rest;
    const auto more = lines_.Append(&rest);
    if (!more) return more.error();
    if (*more) return Error{ErrorKind::kCorrupt, "text after the end"};
    insert_.reset();
    return connection_->Execute("COMMIT");
  }

  // One line, or as many as the statement has.
  Status Next() {
    statement_.clear();
    do {
      const auto line = lines_.Append(&statement_);
      if (!line) return line.error();
      if (!*line || statement_.back() != '\n') return Error{ErrorKind::kCorrupt, "the text is cut short"};
    } while (!IsWhole());
    return {};
  }

  bool IsWhole() const {
    if (statement_.starts_with("INSERT ")) {
      // Not a line's end alone: a text may hold one. Outside of quotes their number is even.
      if (!statement_.ends_with(");\n")) return false;
      Literals rest(statement_);
      std::string table;
      return rest.Take("INSERT INTO ") && rest.TakeQuoted('"', &table) && rest.HasPairs('\'');
    }
    if (statement_.starts_with("CREATE "))
      return statement_.ends_with(";\n") && sqlite3_complete(statement_.c_str()) != 0;
    return true;
  }

  Status Pragma(std::string_view name) {
    if (Status s = Next(); !s.ok()) return s;
    std::string_view text = statement_;
    int64_t value = 0;
    if (text.starts_with(name) && text.ends_with(";\n")) {
      text = text.substr(name.size(), text.size() - name.size() - 2);
      const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error == std::errc() && rest == text.data() + text.size()) {
        return connection_->Execute(std::string(name) + std::to_string(value));
      }
    }
    return Error{ErrorKind::kCorrupt, std::string(name) + " is missing"};
  }

  Status One() {
    if (statement_.starts_with("INSERT INTO \"")) return Insert();
    insert_.reset();
    insert_table_.clear();
    if (statement_ == "DELETE FROM \"sqlite_sequence\";\n") {
      return Told(connection_->Execute("DELETE FROM sqlite_sequence"));
    }
    if (!statement_.starts_with("CREATE ")) return Error{ErrorKind::kCorrupt, "a statement that has no place here"};
    sqlite3_set_authorizer(connection_->handle(), Authorize, nullptr);
    Status created = Create();
    sqlite3_set_authorizer(connection_->handle(), nullptr, nullptr);
    return Told(created);
  }

  // Exactly one statement: what follows the first one would not be read.
  Status Create() {
    sqlite3_stmt* statement = nullptr;
    const char* tail = nullptr;
    const int rc = sqlite3_prepare_v2(connection_->handle(), statement_.c_str(), static_cast<int>(statement_.size()),
                                      &statement, &tail);
    if (rc != SQLITE_OK) return LastError(connection_->handle());
    const bool alone = std::string_view(tail) == "\n";
    const bool done = alone && sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    if (!alone) return Error{ErrorKind::kCorrupt, "two statements in one"};
    if (!done) return LastError(connection_->handle());
    return {};
  }

  Status Insert() {
    Literals literals(statement_);
    std::string table;
    (void)literals.Take("INSERT INTO ");
    if (!literals.TakeQuoted('"', &table) || !literals.Take(" VALUES(")) return BadRow();
    if (!insert_ || table != insert_table_) {
      if (Status s = PrepareInsert(table); !s.ok()) return Told(s);
    }
    for (int i = 1; i <= columns_; ++i) {
      if (i > 1 && !literals.Take(",")) return BadRow();
      if (!literals.Bind(insert_->handle(), i)) return BadRow();
    }
    if (!literals.Take(");\n")) return BadRow();
    if (Status s = insert_->Run(); !s.ok()) return Told(s);
    if (++rows_ % 1024 == 0 && progress_) progress_(rows_);
    return {};
  }

  Status PrepareInsert(const std::string& table) {
    insert_.reset();
    // The schema is not for rows to write, whatever its name looks like.
    auto check = connection_->Prepare(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ? AND rootpage > 1 AND "
        "(name NOT LIKE 'sqlite\\_%' ESCAPE '\\' OR name = 'sqlite_sequence')");
    if (!check) return check.error();
    const auto row = check->BindText(1, table).Step();
    if (!row) return row.error();
    if (check->Int(0) != 1) return Error{ErrorKind::kCorrupt, "no table '" + table + "'"};
    std::string quoted = "\"";
    for (const char c : table) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    quoted += '"';
    auto probe = connection_->Prepare("SELECT * FROM " + quoted);
    if (!probe) return probe.error();
    columns_ = sqlite3_column_count(probe->handle());
    std::string sql = "INSERT INTO " + quoted + " VALUES(?";
    for (int i = 1; i < columns_; ++i) sql += ",?";
    auto insert = connection_->Prepare(sql + ")");
    if (!insert) return insert.error();
    insert_.emplace(std::move(*insert));
    insert_table_ = table;
    return {};
  }

  static Error BadRow() { return {ErrorKind::kCorrupt, "not a row as gemini-code-backup writes it"}; }

  // What SQLite refuses in the text is the text's fault; a full disk is not.
  static Status Told(const Status& status) {
    if (status.ok()) return status;
    const ErrorKind kind = status.error().kind;
    const bool ours = kind == ErrorKind::kFull || kind == ErrorKind::kIo || kind == ErrorKind::kCorrupt;
    return ours ? status : Status(Error{ErrorKind::kCorrupt, status.error().message});
  }

  Connection* connection_;
  Lines lines_;
  const RowProgress& progress_;
  std::string statement_;
  std::optional<Statement> insert_;
  std::string insert_table_;
  int columns_ = 0;
  int64_t rows_ = 0;
};

}  // namespace

Status ReadSqlDump(const TextSource& source, const std::string& target, const RowProgress& progress) {
  auto connection = Connection::Open(target, OpenMode::kNew, 0);
  if (!connection) return connection.error();
  // Nobody trusts the file before it is whole, so nothing has to be undone.
  const Status alone = connection->Execute(
      "PRAGMA auto_vacuum=INCREMENTAL;PRAGMA locking_mode=EXCLUSIVE;PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;"
      "PRAGMA foreign_keys=OFF");
  if (!alone.ok()) return alone;
  // Rows are not checked twice, and a damaged text may not fill the memory.
  sqlite3_limit(connection->handle(), SQLITE_LIMIT_LENGTH, static_cast<int>(kMaxStatementBytes));
  Status read = DumpReader(&*connection, source, progress).Read();
  if (!read.ok()) unlink(target.c_str());
  return read;
}

}  // namespace gc::store
