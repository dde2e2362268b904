// fake_gemini_journal.h: what the fake Gemini saw and did, in order, and the doors at which scripted requests wait.
// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/fake_gemini_wire.h"

namespace gc::test::fake {

// One line of the log. `seq` counts from 1 without gaps: a smaller one happened before.
struct Event {
  int64_t seq = 0;
  int64_t ms = 0;          // since the fake started, monotonic
  int64_t connection = 0;  // counts accepted connections from 1
  int64_t request = 0;     // Record::number, 0 when none
  std::string tag;         // the request's tag= directive
  std::string type;        // see fake_gemini.h
  int64_t value = 0;       // chunk number, HTTP status or bytes, as the type says
  std::string detail;
};

// One request as received. The credential itself is never kept.
struct Record {
  int64_t number = 0;  // from 1
  int64_t connection = 0;
  std::string method;
  std::string path;
  std::string query;                      // with the value of key= replaced by "*"
  std::vector<std::string> header_names;  // lower case, in order
  std::string content_type;
  std::string key_in;     // none, header, query, both, bearer
  int64_t key_index = 0;  // 1 for the first distinct key that this fake saw, 0 = no key
  std::string key_last4;
  std::string body;       // cleaned to valid UTF-8, at most 1 MiB
  size_t body_bytes = 0;  // the true length
};

std::string ToJson(const Event& event);
std::string ToJson(const Record& record);

// Thread-safe. Keeps the last 200,000 events and 10,000 requests.
class Journal {
 public:
  // Appends every request as one JSON line to this file; false when it cannot be opened.
  bool RecordTo(const std::string& file);

  void Add(int64_t connection, int64_t request, std::string_view tag, std::string_view type, int64_t value = 0,
           std::string_view detail = {});
  // Numbers and stores it; `key` is only compared with the keys seen so far.
  int64_t AddRequest(Record record, std::string_view key);

  std::vector<Event> Events(int64_t after_seq) const;
  std::vector<Record> Requests() const;
  // The first event after `after_seq` of that type (and tag, if not empty); waits for it at most timeout_ms.
  std::optional<Event> WaitFor(std::string_view type, std::string_view tag, int64_t after_seq, int64_t timeout_ms);
  void Clear();  // forgets both lists; sequence and request numbers go on

 private:
  const int64_t start_ms_ = NowMs();
  static int64_t NowMs();

  mutable std::mutex mutex_;
  std::condition_variable grown_;
  std::deque<Event> events_;
  std::deque<Record> requests_;
  int64_t next_seq_ = 1;
  int64_t next_request_ = 1;
  std::map<size_t, int64_t> key_index_;  // hash of the key -> index
  std::ofstream file_;
};

// Named doors. A released door stays open until Close().
class Doors {
 public:
  // True when the door is open; else `connection` is woken when it opens.
  bool OpenOrEnlist(const std::string& name, Connection* connection);
  void Leave(const std::string& name, Connection* connection);
  void Release(const std::string& name);
  void Close();

 private:
  std::mutex mutex_;
  std::set<std::string> open_;
  std::multimap<std::string, Connection*> waiting_;
};

}  // namespace gc::test::fake
