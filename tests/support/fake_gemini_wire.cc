// fake_gemini_wire.cc: plain sockets, because the point of the fake is to decide about every byte.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_wire.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>

namespace gc::test::fake {
namespace {

constexpr size_t kMaxHeadBytes = 64 << 10;
constexpr size_t kMaxBodyBytes = 64 << 20;
constexpr time_t kSendTimeoutS = 60;
constexpr long kPieceGapNs = 50'000;  // lets the peer's recv return between two pieces

std::string Lower(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out;
}

std::string_view Trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Decode(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%' && i + 2 < s.size() && HexDigit(s[i + 1]) >= 0 && HexDigit(s[i + 2]) >= 0) {
      out += static_cast<char>(HexDigit(s[i + 1]) * 16 + HexDigit(s[i + 2]));
      i += 2;
    } else {
      out += s[i] == '+' ? ' ' : s[i];
    }
  }
  return out;
}

// Request line and header lines (without the empty one) into `out`.
bool ParseHead(std::string_view head, HttpRequest* out) {
  *out = HttpRequest();
  bool first = true;
  while (!head.empty()) {
    const size_t eol = head.find("\r\n");
    const std::string_view line = head.substr(0, eol);
    head.remove_prefix(eol == std::string_view::npos ? head.size() : eol + 2);
    if (first) {
      const size_t a = line.find(' ');
      const size_t b = line.rfind(' ');
      if (a == std::string_view::npos || b <= a || !line.substr(b + 1).starts_with("HTTP/1.")) return false;
      out->method = line.substr(0, a);
      const std::string_view target = line.substr(a + 1, b - a - 1);
      const size_t mark = target.find('?');
      out->path = target.substr(0, mark);
      if (mark != std::string_view::npos) out->query = target.substr(mark + 1);
      first = false;
      continue;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    out->headers.emplace_back(Lower(line.substr(0, colon)), Trim(line.substr(colon + 1)));
  }
  return !first;
}

}  // namespace

std::string_view HttpRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!query.empty()) {
    const size_t amp = query.find('&');
    const std::string_view pair = query.substr(0, amp);
    query.remove_prefix(amp == std::string_view::npos ? query.size() : amp + 1);
    if (pair.empty()) continue;
    const size_t eq = pair.find('=');
    out.emplace_back(Decode(pair.substr(0, eq)), eq == std::string_view::npos ? "" : Decode(pair.substr(eq + 1)));
  }
  return out;
}

std::optional<std::string> HttpRequest::Query(std::string_view name) const {
  for (auto& [key, value] : ParseQuery(query)) {
    if (key == name) return value;
  }
  return std::nullopt;
}

Connection::Connection(int fd) : fd_(fd), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval limit{kSendTimeoutS, 0};
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

Connection::~Connection() {
  close(fd_);
  close(wake_fd_);
}

bool Connection::Fill() {
  char chunk[16384];
  for (;;) {
    const ssize_t n = recv(fd_, chunk, sizeof chunk, 0);
    if (n > 0) {
      buffer_.append(chunk, static_cast<size_t>(n));
      return true;
    }
    if (n == 0 || errno != EINTR) return false;
  }
}

bool Connection::ReadExactly(size_t bytes, std::string* out) {
  while (buffer_.size() < bytes) {
    if (!Fill()) return false;
  }
  out->append(buffer_, 0, bytes);
  buffer_.erase(0, bytes);
  return true;
}

bool Connection::ReadLine(std::string* line) {
  for (;;) {
    const size_t eol = buffer_.find("\r\n");
    if (eol != std::string::npos) {
      line->assign(buffer_, 0, eol);
      buffer_.erase(0, eol + 2);
      return true;
    }
    if (buffer_.size() > kMaxHeadBytes || !Fill()) return false;
  }
}

bool Connection::ReadChunked(std::string* body) {
  std::string line;
  for (;;) {
    if (!ReadLine(&line)) return false;
    size_t size = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (error != std::errc() || end == line.data() || body->size() + size > kMaxBodyBytes) return false;
    if (size == 0) break;
    if (!ReadExactly(size, body) || !ReadLine(&line) || !line.empty()) return false;
  }
  do {
    if (!ReadLine(&line)) return false;
  } while (!line.empty());
  return true;
}

Connection::Got Connection::ReadRequest(HttpRequest* out) {
  size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (buffer_.size() > kMaxHeadBytes) return Got::kMalformed;
    if (!Fill()) return buffer_.empty() ? Got::kClosed : Got::kMalformed;
  }
  const std::string head = buffer_.substr(0, end);
  buffer_.erase(0, end + 4);
  if (!ParseHead(head, out)) return Got::kMalformed;
  if (Lower(out->Header("expect")) == "100-continue" && !Send("HTTP/1.1 100 Continue\r\n\r\n")) return Got::kClosed;
  if (Lower(out->Header("transfer-encoding")) == "chunked") {
    return ReadChunked(&out->body) ? Got::kRequest : Got::kMalformed;
  }
  const std::string_view length = out->Header("content-length");
  size_t bytes = 0;
  if (!length.empty()) {
    const auto [p, error] = std::from_chars(length.data(), length.data() + length.size(), bytes);
    if (error != std::errc() || p != length.data() + length.size() || bytes > kMaxBodyBytes) return Got::kMalformed;
  }
  return ReadExactly(bytes, &out->body) ? Got::kRequest : Got::kMalformed;
}

bool Connection::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

Waited Connection::Wait(int64_t ms) {
  pollfd fds[2] = {{fd_, POLLRDHUP, 0}, {wake_fd_, POLLIN, 0}};
  int n = 0;
  do {
    n = poll(fds, 2, static_cast<int>(std::clamp<int64_t>(ms, -1, 3'600'000)));
  } while (n < 0 && errno == EINTR);  // a signal lengthens the pause; tests send none to the fake
  if (fds[0].revents != 0) return Waited::kClientGone;
  if (fds[1].revents == 0) return Waited::kTimeUp;
  uint64_t count = 0;
  (void)!read(wake_fd_, &count, sizeof count);
  return Waited::kWoken;
}

bool Connection::ClientGone() {
  pollfd p{fd_, POLLRDHUP, 0};
  return poll(&p, 1, 0) > 0;
}

void Connection::Wake() {
  const uint64_t one = 1;
  (void)!write(wake_fd_, &one, sizeof one);
}

void Connection::Shutdown() {
  shutdown(fd_, SHUT_RDWR);
  Wake();
}

void Connection::Reset() {
  const linger now{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

// RFC 1952 with stored blocks only: a decoder cannot tell the difference, and the fake needs no library.
struct BodyWriter::GzipEncoder {
  uint32_t crc = 0xFFFFFFFFU;
  uint32_t size = 0;
  bool started = false;

  static void AppendLittleEndian(uint32_t value, int bytes, std::string* out) {
    for (int i = 0; i < bytes; ++i) *out += static_cast<char>((value >> (8 * i)) & 0xFFU);
  }

  void AppendBlock(std::string_view bytes, char last, std::string* out) {
    *out += last;
    AppendLittleEndian(static_cast<uint32_t>(bytes.size()), 2, out);
    AppendLittleEndian(~static_cast<uint32_t>(bytes.size()), 2, out);
    out->append(bytes);
  }

  std::string Encode(std::string_view bytes) {
    std::string out;
    if (!started) out.assign("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    started = true;
    for (const char c : bytes) {
      crc ^= static_cast<unsigned char>(c);
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
    }
    size += static_cast<uint32_t>(bytes.size());
    for (; !bytes.empty(); bytes.remove_prefix(std::min<size_t>(bytes.size(), 0xFFFF))) {
      AppendBlock(bytes.substr(0, 0xFFFF), 0, &out);
    }
    return out;
  }

  std::string End() {
    std::string out = Encode({});
    AppendBlock({}, 1, &out);
    AppendLittleEndian(~crc, 4, &out);
    AppendLittleEndian(size, 4, &out);
    return out;
  }
};

BodyWriter::BodyWriter(Connection* connection, const BodyOptions& options)
    : connection_(connection), options_(options), gzip_(options.gzip ? std::make_unique<GzipEncoder>() : nullptr) {}
BodyWriter::~BodyWriter() = default;

BodyWriter::Outcome BodyWriter::SendPiece(std::string_view bytes) {
  if (bytes.empty()) return Outcome::kOk;
  std::string wire;
  if (options_.framing == Framing::kChunked) {
    char size[24];
    const int n = std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    wire.assign(size, static_cast<size_t>(n));
    wire.append(bytes).append("\r\n");
    bytes = wire;
  }
  return connection_->Send(bytes) ? Outcome::kOk : Outcome::kClientGone;
}

BodyWriter::Outcome BodyWriter::SendPlain(std::string_view bytes) {
  const bool cut = options_.cut_bytes >= 0 && sent_bytes_ + static_cast<int64_t>(bytes.size()) > options_.cut_bytes;
  if (cut) bytes = bytes.substr(0, static_cast<size_t>(options_.cut_bytes - sent_bytes_));
  sent_bytes_ += static_cast<int64_t>(bytes.size());
  const size_t piece = options_.split_bytes == 0 ? std::max<size_t>(bytes.size(), 1) : options_.split_bytes;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    if (SendPiece(bytes.substr(at, piece)) != Outcome::kOk) return Outcome::kClientGone;
    if (options_.split_bytes != 0) {
      const timespec gap{0, kPieceGapNs};
      nanosleep(&gap, nullptr);
    }
  }
  return cut ? Outcome::kCut : Outcome::kOk;
}

BodyWriter::Outcome BodyWriter::Write(std::string_view bytes) {
  if (gzip_ == nullptr) return SendPlain(bytes);
  return SendPlain(gzip_->Encode(bytes));
}

BodyWriter::Outcome BodyWriter::Finish() {
  if (gzip_ != nullptr) {
    const Outcome outcome = SendPlain(gzip_->End());
    if (outcome != Outcome::kOk) return outcome;
  }
  if (options_.framing != Framing::kChunked) return Outcome::kOk;
  return connection_->Send("0\r\n\r\n") ? Outcome::kOk : Outcome::kClientGone;
}

}  // namespace gc::test::fake
