// result.h: expected failures as values. A function that can fail for reasons outside the program returns a Result;
// only a broken set-up ends the program, and only main() prints that.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace gc {

// What went wrong, coarse enough that a caller can decide what to do next.
enum class ErrorKind {
  kInvalid,      // the input is malformed
  kConfig,       // the configuration is wrong
  kNotFound,     // a file or a row is missing
  kExists,       // it is there already and may not be
  kPermission,   // the operating system or the file mode refuses
  kReadOnly,     // the database or its directory cannot be written
  kBusy,         // locked by somebody else: try again later
  kFull,         // no space left
  kCorrupt,      // the data is damaged
  kIo,           // any other I/O failure
  kTooLarge,     // over a stated limit
  kTimeout,      // a deadline passed
  kUnreachable,  // the peer refuses connections, has no address or fails TLS
  kCancelled,    // the caller asked to stop
  kStopping,     // this process ends
  kUnsupported,  // known, and not done here
  kInternal,     // a bug of ours
};

struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;  // one line, no secret, no trailing full stop
};

// Either a value or an error. Not thread-safe; moves like its content.
template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok().
  T& value() { return std::get<0>(state_); }
  const T& value() const { return std::get<0>(state_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // REQUIRES: !ok().
  const E& error() const { return std::get<1>(state_); }
  E& error() { return std::get<1>(state_); }

 private:
  std::variant<T, E> state_;
};

// A result without a value.
template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  Result() = default;
  Result(E error) : error_(std::move(error)), ok_(false) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  // REQUIRES: !ok().
  const E& error() const { return error_; }

 private:
  E error_{};
  bool ok_ = true;
};

using Status = Result<void, Error>;

}  // namespace gc
