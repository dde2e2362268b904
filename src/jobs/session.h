// session.h: Poco::Data sessions on this project's databases, with the pragmas of store/connection, and Poco's
// exceptions as values. SQL that runs here is portable SQL where it can be; opening, checkpoint, migration, backup and
// restore are the store's. Poco's own transactions are deferred, and fail without waiting once they turn to writing:
// BeginImmediate is the way.
// SPDX-License-Identifier: MIT
#pragma once

#include <Poco/Data/Session.h>
#include <sqlite3.h>

#include <string>
#include <utility>

#include "base/result.h"
#include "store/migrations.h"

namespace gc::jobs {

enum class SessionMode { kReadWrite, kReadOnly };

// Opens a database that exists and has a schema which this program knows. Errors: as store::Connection::Open and
// store::CheckVersion. The session is used by one thread.
Result<Poco::Data::Session> OpenSession(const std::string& path, store::Database which, SessionMode mode,
                                        int busy_timeout_ms);

// SQLite's own handle, which belongs to the session.
sqlite3* HandleOf(Poco::Data::Session& session);

// What the exception that is being handled says, as a value. REQUIRES: inside a catch block.
Error CaughtError(Poco::Data::Session& session);

// Runs what may throw.
template <class Work>
Status Try(Poco::Data::Session& session, Work work) {
  try {
    work();
    return {};
  } catch (...) {
    return CaughtError(session);
  }
}

// BEGIN IMMEDIATE; what is not committed is rolled back. Its methods throw what Poco throws; the session outlives it.
class ImmediateTransaction {
 public:
  explicit ImmediateTransaction(Poco::Data::Session& session);
  ~ImmediateTransaction();
  ImmediateTransaction(const ImmediateTransaction&) = delete;
  ImmediateTransaction& operator=(const ImmediateTransaction&) = delete;

  void Commit();

 private:
  Poco::Data::Session* session_;  // nullptr: ended
};

}  // namespace gc::jobs
