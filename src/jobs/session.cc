// session.cc: opens Poco::Data sessions and translates what they throw.
// SPDX-License-Identifier: MIT
#include "jobs/session.h"

#include <Poco/Data/SQLite/Connector.h>
#include <Poco/Data/SQLite/Utility.h>
#include <Poco/Exception.h>
#include <Poco/URI.h>

#include "store/connection.h"

namespace gc::jobs {
namespace {

using Poco::Data::Keywords::now;

// Poco takes a path, or a URI of SQLite's.
std::string NameFor(const std::string& path, SessionMode mode) {
  if (mode == SessionMode::kReadWrite) return path;
  std::string escaped;
  Poco::URI::encode(path, "?#", escaped);
  return "file:" + escaped + "?mode=ro";
}

}  // namespace

Result<Poco::Data::Session> OpenSession(const std::string& path, store::Database which, SessionMode mode,
                                        int busy_timeout_ms) {
  // Poco makes a missing file, and tries again for a minute where it cannot: what is wrong is found out before.
  const auto open_mode = mode == SessionMode::kReadOnly ? store::OpenMode::kReadOnly : store::OpenMode::kReadWrite;
  auto probe = store::Connection::Open(path, open_mode, busy_timeout_ms);
  if (!probe) return probe.error();
  if (Status known = store::CheckVersion(*probe, which); !known.ok()) {
    return Error{known.error().kind, path + ": " + known.error().message};
  }
  Poco::Data::SQLite::Connector::registerConnector();
  try {
    Poco::Data::Session session("SQLite", NameFor(path, mode), 5);
    if (Status ready = store::Configure(HandleOf(session), busy_timeout_ms); !ready.ok()) {
      return Error{ready.error().kind, path + ": " + ready.error().message};
    }
    return session;
  } catch (const Poco::Exception& e) {
    return Error{ErrorKind::kIo, path + ": " + e.displayText()};
  }
}

sqlite3* HandleOf(Poco::Data::Session& session) { return Poco::Data::SQLite::Utility::dbHandle(session); }

Error CaughtError(Poco::Data::Session& session) {
  try {
    throw;
  } catch (const Poco::Data::DataException&) {
    return store::LastError(HandleOf(session));
  } catch (const Poco::Exception& e) {
    return {ErrorKind::kInternal, e.displayText()};
  } catch (const std::exception& e) {
    return {ErrorKind::kInternal, e.what()};
  }
}

ImmediateTransaction::ImmediateTransaction(Poco::Data::Session& session) : session_(&session) {
  session << "BEGIN IMMEDIATE", now;
}

ImmediateTransaction::~ImmediateTransaction() {
  if (session_ == nullptr) return;
  sqlite3* db = HandleOf(*session_);
  // SQLite has already rolled back by itself after some errors (a full disk).
  if (sqlite3_get_autocommit(db) == 0) sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
}

void ImmediateTransaction::Commit() {
  *session_ << "COMMIT", now;
  session_ = nullptr;
}

}  // namespace gc::jobs
