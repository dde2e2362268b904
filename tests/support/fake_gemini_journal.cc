// fake_gemini_journal.cc: the event log, the request log and the doors.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_journal.h"

#include <chrono>

#include "base/json.h"

namespace gc::test::fake {
namespace {

constexpr size_t kMaxEvents = 200'000;
constexpr size_t kMaxRequests = 10'000;

}  // namespace

std::string ToJson(const Event& event) {
  std::string out;
  json::Writer w(&out);
  w.BeginObject().Key("seq").Int(event.seq).Key("ms").Int(event.ms).Key("connection").Int(event.connection);
  w.Key("request").Int(event.request).Key("tag").String(event.tag).Key("type").String(event.type);
  w.Key("value").Int(event.value).Key("detail").String(event.detail).EndObject();
  return out;
}

std::string ToJson(const Record& record) {
  std::string out;
  json::Writer w(&out);
  w.BeginObject().Key("number").Int(record.number).Key("connection").Int(record.connection);
  w.Key("method").String(record.method).Key("path").String(json::CleanUtf8(record.path));
  w.Key("query").String(json::CleanUtf8(record.query)).Key("header_names").BeginArray();
  for (const std::string& name : record.header_names) w.String(json::CleanUtf8(name));
  w.EndArray().Key("content_type").String(json::CleanUtf8(record.content_type));
  w.Key("key_in").String(record.key_in).Key("key_index").Int(record.key_index);
  w.Key("key_last4").String(json::CleanUtf8(record.key_last4)).Key("body").String(record.body);
  w.Key("body_bytes").Int(static_cast<int64_t>(record.body_bytes)).EndObject();
  return out;
}

int64_t Journal::NowMs() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

bool Journal::RecordTo(const std::string& file) {
  const std::lock_guard lock(mutex_);
  file_.open(file, std::ios::app);
  return file_.is_open();
}

void Journal::Add(int64_t connection, int64_t request, std::string_view tag, std::string_view type, int64_t value,
                  std::string_view detail) {
  const std::lock_guard lock(mutex_);
  if (events_.size() == kMaxEvents) events_.pop_front();
  events_.push_back({next_seq_++, NowMs() - start_ms_, connection, request, std::string(tag), std::string(type), value,
                     std::string(detail)});
  grown_.notify_all();
}

int64_t Journal::AddRequest(Record record, std::string_view key) {
  const std::lock_guard lock(mutex_);
  record.number = next_request_++;
  if (!key.empty()) {
    const auto next = static_cast<int64_t>(key_index_.size()) + 1;
    record.key_index = key_index_.try_emplace(std::hash<std::string_view>()(key), next).first->second;
  }
  if (file_.is_open()) file_ << ToJson(record) << '\n' << std::flush;
  if (requests_.size() == kMaxRequests) requests_.pop_front();
  const int64_t number = record.number;
  requests_.push_back(std::move(record));
  return number;
}

std::vector<Event> Journal::Events(int64_t after_seq) const {
  const std::lock_guard lock(mutex_);
  std::vector<Event> out;
  for (const Event& event : events_) {
    if (event.seq > after_seq) out.push_back(event);
  }
  return out;
}

std::vector<Record> Journal::Requests() const {
  const std::lock_guard lock(mutex_);
  return {requests_.begin(), requests_.end()};
}

std::optional<Event> Journal::WaitFor(std::string_view type, std::string_view tag, int64_t after_seq,
                                      int64_t timeout_ms) {
  std::unique_lock lock(mutex_);
  std::optional<Event> found;
  int64_t seen = after_seq;
  const auto look = [&] {
    for (const Event& event : events_) {
      if (event.seq <= seen) continue;
      seen = event.seq;
      if (event.type != type || (!tag.empty() && event.tag != tag)) continue;
      found = event;
      return true;
    }
    return false;
  };
  grown_.wait_for(lock, std::chrono::milliseconds(timeout_ms), look);
  return found;
}

void Journal::Clear() {
  const std::lock_guard lock(mutex_);
  events_.clear();
  requests_.clear();
}

bool Doors::OpenOrEnlist(const std::string& name, Connection* connection) {
  const std::lock_guard lock(mutex_);
  if (open_.contains(name)) return true;
  waiting_.emplace(name, connection);
  return false;
}

void Doors::Leave(const std::string& name, Connection* connection) {
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = waiting_.equal_range(name);
  for (auto it = begin; it != end; ++it) {
    if (it->second != connection) continue;
    waiting_.erase(it);
    return;
  }
}

void Doors::Release(const std::string& name) {
  const std::lock_guard lock(mutex_);
  open_.insert(name);
  const auto [begin, end] = waiting_.equal_range(name);
  for (auto it = begin; it != end; ++it) it->second->Wake();
}

void Doors::Close() {
  const std::lock_guard lock(mutex_);
  open_.clear();
}

}  // namespace gc::test::fake
