// fake_gemini.h: a Gemini to test against: as strict as Google about requests, and scriptable in every way to fail.
// HTTP/1.1 on 127.0.0.1, a thread per connection (at most 4,096), deterministic answers. As a program: fake-gemini.
// SPDX-License-Identifier: MIT
//
// Requests are judged in this order: key, query, JSON, field names and types, the key's own behaviour, model, rules
// (contents, tools, generationConfig, turns, thought signatures), directive. A refusal has Google's status, text and
// details. Keys that begin with "AIza" or "test-key" are valid; one that holds "-NAME" (followed by "-" or the end)
// fails with that NAME of the error table below.
//
// The answer to text is "echo: TEXT" in three frames. A declared function whose name stands in the prompt is called
// (all of them with mode ANY; the first one, if none is named), with arguments made from its schema; function
// responses are answered by "tools said: NAME=JSON; …". responseMimeType application/json gives a value of the
// schema. Token counts: bytes of text / 4 + 1; running totals in streams.
//
// Directives. A line such as  [[fake: chunks=20 delay_ms=10 tag=a]]  in the text of the last content (for countTokens
// and embeddings: anywhere in the body) scripts the answer; it is left out of the echo. Unknown words are a 400.
//   tag=NAME           names the request in the event log
//   times=N            only the first N requests with this tag (or with these words) are scripted, later ones are plain
//   for_key=TEXT       only requests whose key ends with TEXT are scripted
//  Before the status line:
//   first_delay_ms=MS  silence
//   hold=NAME          waits until NAME is released; hold=NAME@K waits after frame K was sent (0: after the head)
//   silent             never answers; silent=K falls silent after frame K
//   drop               closes without a byte
//   reset              RST instead of an answer; reset=K after frame K
//   error=NAME         a named failure: invalid expired suspended leaked disabled location rpm tpm rpd zero nodetail
//                      overloaded internal deadline context payload states depth signature thinking retired
//   status=N           a failure of that status without details; retry_after=S adds the header, message=WORD the text
//   html               an HTML page with status 200 (or status=N)
//   leak_key           the caller's key stands in the error text (alone: a 400)
//  Frames (the SSE events, or elements of the array; numbered from 1):
//   chunks=N           N frames: the echo, then " #2", " #3"…
//   delay_ms=MS        pause between frames; chunk_delay=K:MS pause after frame K
//   cut_after=K        closes after frame K (0: after the head); cut_bytes=B after B bytes of body (unary too)
//   error_after=K      frame K+1 is an error (503, or error= / status=), then a proper end
//   eof_without_finish all frames, a clean end, no finishReason
//   bad_json[=K]       frame K (default 1), or the unary body, is cut in half; bad_utf8[=K] has invalid bytes in its
//   text lone_surrogate     frame 1 has \ud83d alone in its text comments           an SSE comment before each frame;
//   eol=lf|cr|crlf line ends (default crlf); bom before the body
//  Bytes:
//   split=B            the body in pieces of B bytes, each its own HTTP chunk and segment; split=every: single bytes
//   gzip               if the client accepts it; gzip=force always
//   until_close        neither length nor chunks: the body ends with the connection
//  Content:
//   big=BYTES          that much text; calls=N repeats each function call; cached=N cachedContentTokenCount
//   thoughts           a thought first (a frame of its own); empty no parts; no_usage no usageMetadata
//   finish=REASON      finishReason; MALFORMED_FUNCTION_CALL and its like come without content
//   block=REASON       promptFeedback.blockReason and no candidates
//
// Events (GET /__fake/events), value in brackets: accepted, request [0] detail path, hold [point] detail name,
// released [point], silent [point], head [status], chunk [frame], cut [point], reset [point], client_closed [frames
// sent], end [frames, or bytes of a unary body], malformed, closed. Point -2 is before the status line. accepted,
// malformed and closed belong to a connection (request 0, no tag). head, chunk and end are logged just before their
// bytes go out: whatever a client has seen is in the log.
//
// Control over HTTP, for tests that run the program:
//   POST /__fake/release?name=N         GET  /__fake/events?after=SEQ
//   GET  /__fake/requests               GET  /__fake/wait?type=T&tag=X&after=SEQ&timeout_ms=MS (408 when in vain)
//   POST /__fake/directive?times=N      body: words for requests without a directive of their own (also GET models)
//   POST /__fake/answers                body: canned answers, see fake_gemini_director.h
//   POST /__fake/reset                  forgets events, requests, doors, directives and canned answers
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "support/fake_gemini_journal.h"

namespace gc::test {

// Thread-safe after Start.
class FakeGemini {
 public:
  using Event = fake::Event;
  using Record = fake::Record;

  FakeGemini();
  ~FakeGemini();  // stops

  // Listens; port 0 chooses one. Raises the soft limit of open files, for each connection takes two.
  Status Start(int port = 0);
  // Ends every connection and thread. Harmless when not started.
  void Stop();
  int port() const;
  std::string base_url() const;  // "http://127.0.0.1:PORT"

  Status RecordTo(const std::string& file);
  Status AddAnswers(std::string json_text);  // canned answers, see fake_gemini_director.h
  Status SetDirective(std::string words, int64_t times = -1);
  void Release(const std::string& name);
  std::vector<Event> Events(int64_t after_seq = 0) const;
  std::vector<Record> Requests() const;
  std::optional<Event> WaitFor(std::string_view type, std::string_view tag = {}, int64_t after_seq = 0,
                               int64_t timeout_ms = 5000);
  void Reset();

 private:
  struct Server;
  std::unique_ptr<Server> server_;
};

}  // namespace gc::test
