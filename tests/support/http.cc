// http.cc: one easy handle per call; RunStreams adds them all to one multi.
// SPDX-License-Identifier: MIT
#include "support/http.h"

#include <curl/curl.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <memory>

namespace gc::test {
namespace {

int64_t NowUs() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

void EnsureGlobalInit() {
  static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)done;
}

std::string Lower(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out;
}

// Owns a handle and everything that libcurl keeps pointers to.
class Transfer {
 public:
  explicit Transfer(const HttpCall& call);
  ~Transfer() {
    curl_easy_cleanup(easy_);
    curl_slist_free_all(headers_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() const { return easy_; }
  void Finish(CURLcode code);

  std::function<Next(std::string_view)> on_piece;
  HttpReply reply;

 private:
  static size_t OnBody(char* data, size_t size, size_t count, void* self);
  static size_t OnHeader(char* data, size_t size, size_t count, void* self);
  void SetMethod(const HttpCall& call);

  CURL* easy_;
  curl_slist* headers_ = nullptr;
  int64_t start_us_ = NowUs();
  char error_[CURL_ERROR_SIZE] = {};
};

Transfer::Transfer(const HttpCall& call) {
  EnsureGlobalInit();
  easy_ = curl_easy_init();
  curl_easy_setopt(easy_, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_PROXY, "");
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(call.timeout_ms));
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
  SetMethod(call);
  bool has_type = false;
  for (const std::string& header : call.headers) {
    headers_ = curl_slist_append(headers_, header.c_str());
    has_type |= Lower(header).starts_with("content-type");
  }
  if (!call.body.empty() && !has_type) headers_ = curl_slist_append(headers_, "Content-Type: application/json");
  headers_ = curl_slist_append(headers_, "Expect:");
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
}

void Transfer::SetMethod(const HttpCall& call) {
  if (call.method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    return;
  }
  if (!call.body.empty() || call.method == "POST") {
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    curl_easy_setopt(easy_, CURLOPT_COPYPOSTFIELDS, call.body.c_str());
  }
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, call.method.c_str());
}

size_t Transfer::OnBody(char* data, size_t size, size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  const std::string_view piece(data, size * count);
  transfer->reply.body.append(piece);
  const bool goes_on = !transfer->on_piece || transfer->on_piece(piece) == Next::kGoOn;
  return goes_on ? piece.size() : 0;
}

size_t Transfer::OnHeader(char* data, size_t size, size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  std::string_view line(data, size * count);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) transfer->reply.headers.clear();  // an interim answer came before
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos && !line.starts_with("HTTP/")) {
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    transfer->reply.headers.emplace_back(Lower(line.substr(0, colon)), value);
  }
  return size * count;
}

void Transfer::Finish(CURLcode code) {
  long status = 0;
  curl_off_t first_us = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy_, CURLINFO_STARTTRANSFER_TIME_T, &first_us);
  reply.status = static_cast<int>(status);
  reply.first_byte_us = first_us;
  reply.total_us = NowUs() - start_us_;
  if (code != CURLE_OK) reply.error = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
}

void RaiseFileLimit(size_t streams) {
  rlimit limit{};
  const rlim_t wanted = streams + 256;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(limit.rlim_max, wanted);
  setrlimit(RLIMIT_NOFILE, &limit);
}

// One of many streams.
struct Runner {
  explicit Runner(const HttpCall& call) : transfer(call) {}
  Transfer transfer;
  SseSplitter splitter;
  StreamResult result;
};

void Collect(Runner* runner, CURLcode code, int64_t start_us) {
  runner->transfer.Finish(code);
  StreamResult& result = runner->result;
  result.status = runner->transfer.reply.status;
  result.error = runner->transfer.reply.error;
  result.total_us = NowUs() - start_us;
  const bool is_stream = runner->transfer.reply.Header("content-type").starts_with("text/event-stream");
  if (is_stream) {
    result.tail = runner->splitter.tail();
  } else {
    result.body = std::move(runner->transfer.reply.body);
  }
}

}  // namespace

HttpCall Post(std::string url, std::string body, std::vector<std::string> headers) {
  HttpCall call;
  call.method = "POST";
  call.url = std::move(url);
  call.body = std::move(body);
  call.headers = std::move(headers);
  return call;
}

std::string_view HttpReply::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

HttpReply Do(const HttpCall& call) { return Stream(call, {}); }

HttpReply Stream(const HttpCall& call, const std::function<Next(std::string_view piece)>& on_piece) {
  Transfer transfer(call);
  transfer.on_piece = on_piece;
  transfer.Finish(curl_easy_perform(transfer.easy()));
  return std::move(transfer.reply);
}

std::vector<SseEvent> SseSplitter::Feed(std::string_view piece) {
  buffer_.append(piece);
  std::vector<SseEvent> out;
  for (;;) {
    // The project writes LF; Google's own frames, passed through, CRLF.
    const size_t lf = buffer_.find("\n\n");
    const size_t crlf = buffer_.find("\r\n\r\n");
    const size_t end = std::min(lf, crlf);
    if (end == std::string::npos) return out;
    std::string block = buffer_.substr(0, end) + "\n";
    buffer_.erase(0, end + (end == lf ? 2 : 4));
    SseEvent event;
    bool has_data = false;
    for (size_t at = 0; at < block.size();) {
      const size_t eol = block.find('\n', at);
      std::string line = block.substr(at, eol - at);
      at = eol + 1;
      if (!line.empty() && line.back() == '\r') line.pop_back();
      const size_t colon = std::min(line.find(':'), line.size());
      std::string value = line.substr(std::min(colon + 1, line.size()));
      if (value.starts_with(' ')) value.erase(0, 1);
      const std::string field = line.substr(0, colon);
      if (field.empty() && !line.empty()) ++comments_;
      if (field == "event") event.event = value;
      if (field == "data") event.data += (has_data ? "\n" : "") + value;
      has_data |= field == "data";
    }
    if (has_data) out.push_back(std::move(event));
  }
}

std::vector<SseEvent> SplitSse(std::string_view text) { return SseSplitter().Feed(text); }

std::vector<StreamResult> RunStreams(const std::vector<HttpCall>& calls,
                                     const std::function<void(size_t call, const SseEvent& event)>& on_event) {
  EnsureGlobalInit();
  RaiseFileLimit(calls.size());
  const std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi(curl_multi_init(), curl_multi_cleanup);
  std::vector<std::unique_ptr<Runner>> runners;
  const int64_t start_us = NowUs();
  for (const HttpCall& call : calls) {
    const size_t number = runners.size();
    Runner* runner = runners.emplace_back(std::make_unique<Runner>(call)).get();
    runner->transfer.on_piece = [=, &on_event](std::string_view piece) {
      for (SseEvent& event : runner->splitter.Feed(piece)) {
        if (runner->result.events.empty()) runner->result.first_event_us = NowUs() - start_us;
        if (on_event) on_event(number, event);
        runner->result.events.push_back(std::move(event));
      }
      return Next::kGoOn;
    };
    curl_multi_add_handle(multi.get(), runner->transfer.easy());
  }
  int running = 1;
  while (running > 0 && curl_multi_perform(multi.get(), &running) == CURLM_OK) {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
      void* self = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &self);
      const auto mine = [&](const auto& r) { return &r->transfer == self; };
      Collect(std::find_if(runners.begin(), runners.end(), mine)->get(), message->data.result, start_us);
    }
    if (running > 0) curl_multi_poll(multi.get(), nullptr, 0, 1000, nullptr);
  }
  std::vector<StreamResult> out;
  for (const auto& runner : runners) {
    curl_multi_remove_handle(multi.get(), runner->transfer.easy());
    out.push_back(std::move(runner->result));
  }
  return out;
}

}  // namespace gc::test
