// connection.cc: opens SQLite databases and translates what SQLite says.
// SPDX-License-Identifier: MIT
#include "store/connection.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace gc::store {
namespace {

// wal_autocheckpoint=0: SQLite before 3.51.3 can lose commits when processes checkpoint beside each other, so only
// store/checkpoint does it. (The hook of Open would replace SQLite's own as well; this says it.) NORMAL: a killed
// process loses nothing, a power cut the last commits at most.
constexpr char kPragmas[] =
    "PRAGMA synchronous=NORMAL;"
    "PRAGMA foreign_keys=ON;"
    "PRAGMA trusted_schema=OFF;"
    "PRAGMA wal_autocheckpoint=0;"
    "PRAGMA journal_size_limit=67108864;";

ErrorKind KindOfOpenFailure(int system_errno) {
  switch (system_errno) {
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::kNotFound;
    case EACCES:
    case EPERM:
      return ErrorKind::kPermission;
    case EROFS:
      return ErrorKind::kReadOnly;
    case EEXIST:
      return ErrorKind::kExists;
    case ENOSPC:
    case EDQUOT:
      return ErrorKind::kFull;
    default:
      return ErrorKind::kIo;
  }
}

ErrorKind KindOf(int rc, int system_errno) {
  switch (rc & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorKind::kBusy;
    case SQLITE_FULL:
      return ErrorKind::kFull;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return ErrorKind::kReadOnly;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorKind::kCorrupt;
    case SQLITE_CANTOPEN:
      return KindOfOpenFailure(system_errno);
    case SQLITE_IOERR:
      return ErrorKind::kIo;
    case SQLITE_INTERRUPT:
      return ErrorKind::kCancelled;
    case SQLITE_TOOBIG:
      return ErrorKind::kTooLarge;
    case SQLITE_CONSTRAINT:
      return ErrorKind::kExists;
    default:
      return ErrorKind::kInternal;
  }
}

// The one place where a result code of SQLite becomes an Error.
Error Translate(int rc, sqlite3* db) {
  const int system_errno = db != nullptr ? sqlite3_system_errno(db) : 0;
  const char* text = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
  return {KindOf(rc, system_errno), std::string("sqlite: ") + text + " (" + std::to_string(rc) + ")"};
}

// Makes the file before SQLite does: SQLite would leave the mode to the umask. An existing file is never opened here,
// because closing it would drop the locks that other connections of this process hold on it.
Status CreateFile(const std::string& path, OpenMode mode) {
  const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST && mode == OpenMode::kCreate) return {};
  if (fd < 0) return Error{KindOfOpenFailure(errno), "cannot create " + path + ": " + strerror(errno)};
  const int chmod_errno = fchmod(fd, 0600) == 0 ? 0 : errno;
  close(fd);
  if (chmod_errno != 0) return Error{ErrorKind::kPermission, "cannot set the mode of " + path};
  return {};
}

int OnCommit(void* pages, sqlite3* /*db*/, const char* /*name*/, int wal_pages) {
  *static_cast<int*>(pages) = wal_pages;
  return SQLITE_OK;
}

}  // namespace

Connection::Handle::~Handle() {
  // _v2: statements may outlive the connection in a member-wise move; the last one to go then closes the file.
  sqlite3_close_v2(db);
}

Result<Connection> Connection::Open(const std::string& path, OpenMode mode, int busy_timeout_ms) {
  if (mode == OpenMode::kCreate || mode == OpenMode::kNew) {
    if (Status s = CreateFile(path, mode); !s.ok()) return s.error();
  }
  auto handle = std::make_unique<Handle>();
  const int access = mode == OpenMode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  // A name that starts with "file:" would be read as a URI.
  const std::string name = path.starts_with('/') ? path : "./" + path;
  const int rc = sqlite3_open_v2(name.c_str(), &handle->db, access | SQLITE_OPEN_NOMUTEX, nullptr);
  if (rc != SQLITE_OK) {
    Error error = Translate(rc, handle->db);
    error.message = path + ": " + error.message;
    return error;
  }
  sqlite3_extended_result_codes(handle->db, 1);
  Connection connection(std::move(handle));
  connection.SetBusyTimeout(busy_timeout_ms);
  if (mode != OpenMode::kReadOnly && sqlite3_db_readonly(connection.db(), "main") == 1) {
    return Error{ErrorKind::kReadOnly, path + ": the file cannot be written"};
  }
  Status ready = mode == OpenMode::kCreate ? connection.PrepareFile() : Status{};
  if (ready.ok()) ready = connection.Execute(kPragmas);
  if (!ready.ok()) return Error{ready.error().kind, path + ": " + ready.error().message};
  sqlite3_wal_hook(connection.db(), OnCommit, &connection.handle_->wal_pages);
  return connection;
}

Result<Connection> Connection::OpenInMemory() {
  auto handle = std::make_unique<Handle>();
  const int rc = sqlite3_open_v2(":memory:", &handle->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (rc != SQLITE_OK) return Translate(rc, handle->db);
  return Connection(std::move(handle));
}

Status Connection::PrepareFile() {
  const auto pages = QueryInt("PRAGMA page_count");
  if (!pages) return pages.error();
  // Counts only before the first page is written, and would take the write lock after it.
  if (*pages == 0) {
    if (Status s = Execute("PRAGMA auto_vacuum=INCREMENTAL"); !s.ok()) return s;
  }
  return Execute("PRAGMA journal_mode=WAL");
}

Result<Statement> Connection::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int rc = sqlite3_prepare_v3(db(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                    &statement, nullptr);
  if (rc != SQLITE_OK) return Translate(rc, db());
  return Statement(statement);
}

Status Connection::Execute(const std::string& sql) {
  const int rc = sqlite3_exec(db(), sql.c_str(), nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return Translate(rc, db());
  return {};
}

Result<int64_t> Connection::QueryInt(std::string_view sql) {
  auto statement = Prepare(sql);
  if (!statement) return statement.error();
  const auto row = statement->Step();
  if (!row) return row.error();
  return *row ? statement->Int(0) : int64_t{0};
}

void Connection::SetBusyTimeout(int busy_timeout_ms) { sqlite3_busy_timeout(db(), busy_timeout_ms); }

bool Connection::HasMoved() const {
  int moved = 0;
  return sqlite3_file_control(db(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}

void Statement::Keep(int rc) {
  if (bind_rc_ == SQLITE_OK) bind_rc_ = rc;
}

Statement& Statement::BindInt(int position, int64_t value) {
  Keep(sqlite3_bind_int64(statement_.get(), position, value));
  return *this;
}

Statement& Statement::BindInt(int position, std::optional<int64_t> value) {
  Keep(value ? sqlite3_bind_int64(statement_.get(), position, *value) : sqlite3_bind_null(statement_.get(), position));
  return *this;
}

Statement& Statement::BindText(int position, std::string_view text) {
  // A view without an address would become NULL.
  Keep(sqlite3_bind_text64(statement_.get(), position, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC,
                           SQLITE_UTF8));
  return *this;
}

Statement& Statement::BindTextOrNull(int position, std::string_view text) {
  if (!text.empty()) return BindText(position, text);
  Keep(sqlite3_bind_null(statement_.get(), position));
  return *this;
}

Result<bool> Statement::Step() {
  sqlite3* db = sqlite3_db_handle(statement_.get());
  if (const int rc = std::exchange(bind_rc_, SQLITE_OK); rc != SQLITE_OK) return Translate(rc, db);
  const int rc = sqlite3_step(statement_.get());
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  return Translate(rc, db);
}

Status Statement::Run() {
  auto row = Step();
  while (row.ok() && *row) row = Step();
  Reset();
  if (!row) return row.error();
  return {};
}

void Statement::Reset() { sqlite3_reset(statement_.get()); }

std::string_view Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return {};
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

Status Configure(sqlite3* db, int busy_timeout_ms) {
  sqlite3_busy_timeout(db, busy_timeout_ms);
  const int rc = sqlite3_exec(db, kPragmas, nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return Translate(rc, db);
  return {};
}

Error LastError(sqlite3* db) { return Translate(sqlite3_extended_errcode(db), db); }

Result<Transaction> Transaction::Begin(Connection& connection) {
  if (Status s = connection.Execute("BEGIN IMMEDIATE"); !s.ok()) return s.error();
  return Transaction(&connection);
}

Status Transaction::Commit() {
  Status s = connection_->Execute("COMMIT");
  if (s.ok()) connection_ = nullptr;
  return s;
}

void Transaction::Rollback() {
  Connection* connection = std::exchange(connection_, nullptr);
  if (connection == nullptr) return;
  // SQLite has already rolled back by itself after some errors (a full disk).
  if (sqlite3_get_autocommit(connection->db()) == 0) (void)connection->Execute("ROLLBACK");
}

}  // namespace gc::store
