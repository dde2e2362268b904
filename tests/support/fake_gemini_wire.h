// fake_gemini_wire.h: the fake Gemini's side of one TCP connection: requests in, bytes out exactly as scripted.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gc::test::fake {

struct HttpRequest {
  std::string method;
  std::string path;                                          // without the query, not decoded
  std::string query;                                         // raw, without '?'
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in the order received
  std::string body;

  std::string_view Header(std::string_view name) const;  // empty when absent
  // The decoded value of the first query parameter of that name.
  std::optional<std::string> Query(std::string_view name) const;
};

// "a=b&c" as decoded pairs.
std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view query);

enum class Waited { kTimeUp, kWoken, kClientGone };

// Owns an accepted socket and the eventfd that other threads wake it with. Used by one thread, but for Wake and
// Shutdown, which any thread may call while the object lives.
class Connection {
 public:
  explicit Connection(int fd);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  enum class Got { kRequest, kClosed, kMalformed };
  // Blocks for the next request. Head up to 64 KiB, body up to 64 MiB, Content-Length or chunked.
  Got ReadRequest(HttpRequest* out);

  // False when the client is gone (or did not read for a minute).
  bool Send(std::string_view bytes);
  // Sleeps until the time is up, Wake() was called, or the client closed its side; -1 ms = no limit.
  Waited Wait(int64_t ms);
  bool ClientGone();

  void Wake();
  void Shutdown();  // ends every blocking call; the descriptor stays open until destruction
  void Reset();     // the next close sends RST instead of FIN; Shutdown is not called

 private:
  bool Fill();  // more bytes into buffer_; false at EOF
  bool ReadChunked(std::string* body);
  bool ReadExactly(size_t bytes, std::string* out);
  bool ReadLine(std::string* line);

  int fd_;
  int wake_fd_;
  std::string buffer_;
};

enum class Framing { kLength, kChunked, kUntilClose };

struct BodyOptions {
  Framing framing = Framing::kChunked;
  size_t split_bytes = 0;  // write pieces of this size, each as its own HTTP chunk and TCP segment; 0 = as they come
  int64_t cut_bytes = -1;  // close after this many body bytes; -1 = never
  bool gzip = false;
};

// Encodes a body on its way to the connection: gzip, pieces, HTTP chunks.
class BodyWriter {
 public:
  BodyWriter(Connection* connection, const BodyOptions& options);
  ~BodyWriter();

  enum class Outcome { kOk, kClientGone, kCut };
  Outcome Write(std::string_view bytes);
  Outcome Finish();  // the last chunk and the end of the gzip stream

 private:
  Outcome SendPlain(std::string_view bytes);
  Outcome SendPiece(std::string_view bytes);

  struct GzipEncoder;
  Connection* connection_;
  BodyOptions options_;
  int64_t sent_bytes_ = 0;
  std::unique_ptr<GzipEncoder> gzip_;
};

}  // namespace gc::test::fake
