// console.cc: prints results, messages and progress.
// SPDX-License-Identifier: MIT
#include "jobs/console.h"

#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/clock.h"
#include "base/json.h"
#include "base/redact.h"

namespace gc::jobs {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int kBarWidth = 20;

bool IsTerminal() {
  const char* term = getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace

int ExitCodeOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalid:
    case ErrorKind::kCorrupt:
      return EX_DATAERR;
    case ErrorKind::kConfig:
      return EX_CONFIG;
    case ErrorKind::kNotFound:
      return EX_NOINPUT;
    case ErrorKind::kExists:
      return EX_CANTCREAT;
    case ErrorKind::kPermission:
    case ErrorKind::kReadOnly:
      return EX_NOPERM;
    case ErrorKind::kBusy:
    case ErrorKind::kTimeout:
      return EX_TEMPFAIL;
    case ErrorKind::kFull:
    case ErrorKind::kIo:
    case ErrorKind::kTooLarge:
      return EX_IOERR;
    case ErrorKind::kUnreachable:
      return EX_UNAVAILABLE;
    case ErrorKind::kCancelled:
    case ErrorKind::kStopping:
    case ErrorKind::kUnsupported:
    case ErrorKind::kInternal:
      return EX_SOFTWARE;
  }
  return EX_SOFTWARE;
}

void Console::Say(std::string_view line) {
  if (!json() && verbosity != Verbosity::kQuiet) *out_ << line << "\n";
}

void Console::Print(std::string_view text) {
  *out_ << text;
  if (json()) *out_ << "\n";
  out_->flush();
}

void Console::Note(std::string_view message) {
  if (verbosity == Verbosity::kVerbose) Message("note", message);
}

void Console::Warn(std::string_view message) { Message("warning", message); }

int Console::Fail(int exit_code, std::string_view message) {
  if (json()) {
    std::string text;
    json::Writer w(&text);
    w.BeginObject().Key("message_type").String("exit_error").Key("code").Int(exit_code);
    w.Key("message").String(json::CleanUtf8(Redact(message))).EndObject();
    WriteError(text + "\n");
  } else {
    WriteError(program_ + ": " + Redact(message) + "\n");
  }
  return exit_code;
}

void Console::Message(std::string_view type, std::string_view message) {
  if (json()) {
    std::string text;
    json::Writer w(&text);
    w.BeginObject().Key("message_type").String(type);
    w.Key("message").String(json::CleanUtf8(Redact(message))).EndObject();
    return WriteError(text + "\n");
  }
  WriteError(program_ + ": " + (type == "warning" ? "warning: " : "") + Redact(message) + "\n");
}

void Console::WriteError(std::string_view text) {
  *err_ << text;
  err_->flush();
}

Progress::Progress(Console* console, std::string what, int64_t total, std::string unit)
    : console_(console),
      what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      terminal_(!console->json() && IsTerminal()),
      start_us_(SystemClock().MonotonicUs()),
      next_us_(start_us_ + (terminal_ ? kSecondUs : 10 * kSecondUs)) {}

void Progress::Set(int64_t done) {
  if (console_->verbosity == Verbosity::kQuiet) return;
  const int64_t now_us = SystemClock().MonotonicUs();
  if (now_us < next_us_) return;
  next_us_ = now_us + (terminal_ ? kSecondUs / 5 : 10 * kSecondUs);
  Draw(done, now_us);
}

void Progress::Draw(int64_t done, int64_t now_us) {
  const double seconds = static_cast<double>(now_us - start_us_) / static_cast<double>(kSecondUs);
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  const double part = total_ > 0 ? std::clamp(static_cast<double>(done) / static_cast<double>(total_), 0.0, 1.0) : 0;
  const int64_t eta_s = rate > 0 && total_ > done ? static_cast<int64_t>(static_cast<double>(total_ - done) / rate) : 0;
  if (console_->json()) {
    std::string text;
    json::Writer w(&text);
    w.BeginObject().Key("message_type").String("status").Key("what").String(what_).Key("unit").String(unit_);
    w.Key("done").Int(done);
    if (total_ > 0) w.Key("total").Int(total_).Key("percent_done").Double(part).Key("eta_seconds").Int(eta_s);
    w.EndObject();
    return console_->WriteError(text + "\n");
  }
  char figures[96];
  snprintf(figures, sizeof figures, "%3d%% %.0f %s/s eta %d:%02d", static_cast<int>(part * 100), rate, unit_.c_str(),
           static_cast<int>(eta_s / 60), static_cast<int>(eta_s % 60));
  if (total_ <= 0) snprintf(figures, sizeof figures, "%lld %s", static_cast<long long>(done), unit_.c_str());
  if (!terminal_) return console_->WriteError(console_->program() + ": " + what_ + ": " + figures + "\n");
  const auto filled = static_cast<size_t>(part * kBarWidth);
  const std::string bar =
      total_ > 0 ? "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '-') + "] " : "";
  console_->WriteError("\r\x1b[K" + what_ + " " + bar + figures);
  drawn_ = true;
}

void Progress::Clear() {
  if (drawn_) console_->WriteError("\r\x1b[K");
}

}  // namespace gc::jobs
