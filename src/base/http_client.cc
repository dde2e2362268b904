// http_client.cc: the pool of warm connections and the loop of calls.
// SPDX-License-Identifier: MIT
#include "base/http_client.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>

#include "base/clock.h"
#include "base/curl_api.h"

namespace gc {
namespace {

// The one translation of libcurl's errors.
Error Translate(const CurlApi& curl, CURLcode code) {
  ErrorKind kind = ErrorKind::kIo;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_PROXY:
    case CURLE_OPERATION_TIMEDOUT:  // only the connect timeout is curl's; the others are ours
      kind = ErrorKind::kUnreachable;
      break;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
      kind = ErrorKind::kInternal;
      break;
    default:
      break;
  }
  return Error{kind, curl.easy_strerror(code)};
}

std::string LowerCase(std::string_view s) {
  std::string out(s);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool HasField(const HttpFields& fields, std::string_view name) {
  return std::any_of(fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
}

}  // namespace

// DNS answers and TLS sessions are shared by all items: connections are not, so that no call waits for another.
struct HttpClient::Shared {
  const CurlApi* curl = nullptr;
  std::string error;
  CURLSH* share = nullptr;
  std::array<std::mutex, CURL_LOCK_DATA_LAST> locks;
  std::mutex mutex;
  std::vector<std::unique_ptr<Item>> idle;
  std::once_flag once;
  const int stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);  // readable once calls are to end

  void Load();
  ~Shared();
};

// One warm connection.
class HttpClient::Item {
 public:
  Item(const CurlApi* curl, CURLSH* share) : curl_(curl), multi_(curl->multi_init()), easy_(curl->easy_init()) {
    curl_->easy_setopt(easy_, CURLOPT_SHARE, share);
    curl_->multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 1L);
  }
  ~Item() {
    curl_->easy_cleanup(easy_);
    curl_->multi_cleanup(multi_);
  }
  Item(const Item&) = delete;
  Item& operator=(const Item&) = delete;

  // The handle as new for each call, but for its connection, which the multi keeps. Nothing of the call before may
  // shine through, and libcurl 7.88 counts its repeats after connections that died while idle over the life of
  // a handle, not of a call: every sixth of them would be an error.
  void Reset(const HttpClientOptions& options) {
    curl_->easy_reset(easy_);
    const auto set = [&](CURLoption option, auto value) { curl_->easy_setopt(easy_, option, value); };
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_PROXY, options.proxy.c_str());         // "" also switches the environment's proxies off
    set(CURLOPT_CAINFO, static_cast<char*>(nullptr));  // a bundle would cost 20 ms and 900 KB for each handle
    set(CURLOPT_CAPATH, options.ca_path.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout_ms));
    set(CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
    set(CURLOPT_BUFFERSIZE, 16384L);
  }

  const CurlApi& curl() const { return *curl_; }
  CURLM* multi() const { return multi_; }
  CURL* easy() const { return easy_; }

 private:
  const CurlApi* curl_;
  CURLM* multi_;
  CURL* easy_;
};

// One running call: an item's easy handle on a multi, its own or that of the call it runs beside.
class HttpClient::Exchange {
 public:
  Exchange(Item* item, CURLM* multi, const HttpCall& call, const HttpClientOptions& options, HttpObserver* observer)
      : item_(item),
        multi_(multi),
        options_(options),
        observer_(observer),
        total_timeout_ms_(call.total_timeout_ms),
        started_us_(SystemClock().MonotonicUs()) {
    Prepare(call);
    item_->curl().multi_add_handle(multi_, item_->easy());
  }
  ~Exchange() {
    item_->curl().multi_remove_handle(multi_, item_->easy());
    item_->curl().slist_free_all(headers_);
    item_->curl().slist_free_all(resolved_);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const CURL* easy() const { return item_->easy(); }
  HttpObserver* observer() const { return observer_; }
  bool ended() const { return ended_; }

  // What curl's end of the call means.
  Status End(CURLcode code) {
    ended_ = true;
    if (cancelled_) return Error{ErrorKind::kCancelled, "cancelled"};
    if (code != CURLE_OK) return Translate(item_->curl(), code);
    if (!head_seen_) return Error{ErrorKind::kIo, "no HTTP answer"};
    return {};
  }

  // Only what was spent waiting counts: an observer with a slow client is not Gemini's silence.
  void AddSilence(int64_t us) { silent_us_ += us; }
  // Fails when the call was silent for too long, or takes too long as a whole; *wait_ms will not sleep past that.
  Status CheckTime(int64_t* wait_ms) const {
    const int64_t limit_ms = head_seen_ ? options_.idle_timeout_ms : options_.first_byte_timeout_ms;
    const int64_t left_ms = limit_ms - silent_us_ / 1000;
    if (left_ms <= 0) return Error{ErrorKind::kTimeout, "silent for " + std::to_string(limit_ms / 1000) + " s"};
    *wait_ms = std::min(*wait_ms, left_ms);
    if (total_timeout_ms_ == 0) return {};
    const int64_t total_left_ms = total_timeout_ms_ - (SystemClock().MonotonicUs() - started_us_) / 1000;
    if (total_left_ms <= 0) return Error{ErrorKind::kTimeout, "not complete in time"};
    *wait_ms = std::min(*wait_ms, total_left_ms);
    return {};
  }

 private:
  void Prepare(const HttpCall& call) {
    item_->Reset(options_);
    const CurlApi& curl = item_->curl();
    CURL* easy = item_->easy();
    const auto set = [&](CURLoption option, auto value) { curl.easy_setopt(easy, option, value); };
    headers_ = curl.slist_append(headers_, "Expect:");
    // Without this curl would call any body a web form.
    if (!HasField(call.headers, "content-type")) headers_ = curl.slist_append(headers_, "Content-Type:");
    for (const auto& [name, value] : call.headers)
      headers_ = curl.slist_append(headers_, (name + ": " + value).c_str());
    set(CURLOPT_URL, call.url.c_str());
    set(CURLOPT_HTTPHEADER, headers_);
    if (!call.resolved.empty()) {
      resolved_ =
          curl.slist_append(nullptr, ("+" + call.resolved).c_str());  // +: forgotten again, as answers of DNS are
      set(CURLOPT_RESOLVE, resolved_);
    }
    const bool posts = call.method == "POST" || !call.body.empty();
    if (posts) {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
      set(CURLOPT_POSTFIELDS, call.body.empty() ? "" : call.body.data());
    } else {
      set(CURLOPT_HTTPGET, 1L);
    }
    if (call.method == "HEAD") set(CURLOPT_NOBODY, 1L);
    if (call.method != (posts ? "POST" : "GET") && call.method != "HEAD") {
      set(CURLOPT_CUSTOMREQUEST, call.method.c_str());
    }
    set(CURLOPT_HEADERFUNCTION, &OnHeaderLine);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &OnBytes);
    set(CURLOPT_WRITEDATA, this);
  }

  static size_t OnHeaderLine(char* data, size_t size, size_t count, void* self_pointer) {
    auto* self = static_cast<Exchange*>(self_pointer);
    const size_t bytes = size * count;
    std::string_view line(data, bytes);
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    if (self->head_seen_) return bytes;  // a trailer
    if (line.empty()) return self->EndHead() ? bytes : 0;
    const size_t colon = line.find(':');
    if (line.starts_with("HTTP/") || colon == std::string_view::npos) {
      self->response_headers_.clear();
      return bytes;
    }
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    self->response_headers_.emplace_back(LowerCase(line.substr(0, colon)), value);
    return bytes;
  }

  bool EndHead() {
    long status = 0;
    item_->curl().easy_getinfo(item_->easy(), CURLINFO_RESPONSE_CODE, &status);
    if (status < 200) return true;
    head_seen_ = true;
    cancelled_ = !observer_->OnHead(static_cast<int>(status), response_headers_);
    silent_us_ = 0;
    return !cancelled_;
  }

  static size_t OnBytes(char* data, size_t size, size_t count, void* self_pointer) {
    auto* self = static_cast<Exchange*>(self_pointer);
    self->cancelled_ = !self->observer_->OnBody({data, size * count});
    self->silent_us_ = 0;
    return self->cancelled_ ? 0 : size * count;
  }

  Item* item_;
  CURLM* multi_;
  const HttpClientOptions& options_;
  HttpObserver* observer_;
  const int64_t total_timeout_ms_;  // 0: no limit
  const int64_t started_us_;
  curl_slist* headers_ = nullptr;
  curl_slist* resolved_ = nullptr;
  HttpFields response_headers_;
  int64_t silent_us_ = 0;  // waited since the last sign of life
  bool head_seen_ = false;
  bool cancelled_ = false;
  bool ended_ = false;
};

// The loop of calls that run together, on the multi of the first one's item.
class HttpClient::Loop {
 public:
  Loop(Item* first, int stop_fd) : curl_(first->curl()), multi_(first->multi()), stop_fd_(stop_fd) {}

  void Add(Item* item, const HttpCall& call, const HttpClientOptions& options, HttpObserver* observer) {
    exchanges_.emplace_back(item, multi_, call, options, observer);
  }

  Status Run(int watch_fd, int64_t tick_ms) {
    last_tick_us_ = SystemClock().MonotonicUs();
    for (;;) {
      int running = 0;
      curl_.multi_perform(multi_, &running);
      if (const Status status = TakeEnded(); !status.ok()) return status;
      if (ended_ == exchanges_.size()) return {};
      if (running == 0) return Error{ErrorKind::kInternal, "curl lost the call"};
      if (const Status status = Wait(&watch_fd, tick_ms); !status.ok()) return status;
    }
  }

 private:
  Status TakeEnded() {
    int left = 0;
    while (const CURLMsg* message = curl_.multi_info_read(multi_, &left)) {
      const auto exchange = std::find_if(exchanges_.begin(), exchanges_.end(),
                                         [&](const Exchange& e) { return e.easy() == message->easy_handle; });
      if (message->msg != CURLMSG_DONE || exchange == exchanges_.end()) continue;
      if (const Status status = exchange->End(message->data.result); !status.ok()) return status;
      ++ended_;
      if (!exchange->observer()->OnEnd() && ended_ < exchanges_.size()) {
        return Error{ErrorKind::kCancelled, "cancelled"};
      }
    }
    return {};
  }

  // Sleeps until a connection or the watched descriptor is ready, but not past the tick or a call's deadline.
  Status Wait(int* watch_fd, int64_t tick_ms) {
    int64_t wait_ms = tick_ms;
    for (const Exchange& exchange : exchanges_) {
      if (exchange.ended()) continue;
      if (const Status in_time = exchange.CheckTime(&wait_ms); !in_time.ok()) return in_time;
    }
    curl_waitfd fds[] = {{stop_fd_, CURL_WAIT_POLLIN, 0}, {*watch_fd, CURL_WAIT_POLLIN, 0}};
    const curl_waitfd& watched = fds[1];
    int ready = 0;
    const unsigned count = *watch_fd >= 0 ? 2 : 1;
    const int64_t began_us = SystemClock().MonotonicUs();
    curl_.multi_poll(multi_, fds, count, static_cast<int>(wait_ms), &ready);
    if (fds[0].revents != 0) return Error{ErrorKind::kStopping, "this process ends"};
    // Also when the connections are never quiet for a whole tick: what comes need not be anything for the client.
    const int64_t now_us = SystemClock().MonotonicUs();
    const bool ticks = ready == 0 || watched.revents != 0 || now_us - last_tick_us_ >= tick_ms * 1000;
    if (ticks) last_tick_us_ = now_us;
    for (Exchange& exchange : exchanges_) {
      if (exchange.ended()) continue;
      exchange.AddSilence(now_us - began_us);
      if (ticks && !exchange.observer()->OnWait()) return Error{ErrorKind::kCancelled, "cancelled"};
    }
    if (watched.revents != 0) *watch_fd = -1;  // readable and yet no reason to stop: watching on would spin
    return {};
  }

  const CurlApi& curl_;
  CURLM* multi_;
  const int stop_fd_;
  std::deque<Exchange> exchanges_;
  size_t ended_ = 0;
  int64_t last_tick_us_ = 0;
};

void HttpClient::Shared::Load() {
  const auto loaded = LoadCurl();
  if (!loaded.ok()) {
    error = loaded.error().message;
    return;
  }
  curl = *loaded;
  share = curl->share_init();
  using Locks = decltype(locks);
  const curl_lock_function lock = [](CURL*, curl_lock_data data, curl_lock_access, void* all) {
    (*static_cast<Locks*>(all))[data].lock();
  };
  const curl_unlock_function unlock = [](CURL*, curl_lock_data data, void* all) {
    (*static_cast<Locks*>(all))[data].unlock();
  };
  curl->share_setopt(share, CURLSHOPT_LOCKFUNC, lock);
  curl->share_setopt(share, CURLSHOPT_UNLOCKFUNC, unlock);
  curl->share_setopt(share, CURLSHOPT_USERDATA, &locks);
  curl->share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
  curl->share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
}

HttpClient::Shared::~Shared() {
  idle.clear();  // handles first: they use the share
  if (share != nullptr) curl->share_cleanup(share);
  close(stop_fd);
}

HttpClient::HttpClient(HttpClientOptions options) : options_(std::move(options)), shared_(new Shared) {}

HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Item> HttpClient::Take() {
  Shared* s = shared_.get();
  std::call_once(s->once, [s] { s->Load(); });
  if (s->curl == nullptr) return nullptr;
  {
    const std::lock_guard lock(s->mutex);
    if (!s->idle.empty()) {
      std::unique_ptr<Item> item = std::move(s->idle.back());
      s->idle.pop_back();
      return item;
    }
  }
  return std::make_unique<Item>(s->curl, s->share);
}

void HttpClient::Return(std::unique_ptr<Item> item) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->idle.size() < options_.max_idle_connections) shared_->idle.push_back(std::move(item));
}

Status HttpClient::Perform(const HttpCall& call, HttpObserver* observer, int watch_fd, int64_t tick_ms) {
  return PerformAll({&call, 1}, {&observer, 1}, watch_fd, tick_ms);
}

Status HttpClient::PerformAll(std::span<const HttpCall> calls, std::span<HttpObserver* const> observers, int watch_fd,
                              int64_t tick_ms) {
  std::vector<std::unique_ptr<Item>> items;
  for (size_t i = 0; i < calls.size(); ++i) {
    items.push_back(Take());
    if (items.back() == nullptr) return Error{ErrorKind::kInternal, shared_->error};
  }
  Status status;
  {
    Loop loop(items.front().get(), shared_->stop_fd);
    for (size_t i = 0; i < calls.size(); ++i) loop.Add(items[i].get(), calls[i], options_, observers[i]);
    status = loop.Run(watch_fd, tick_ms);
  }
  // The first one last: it has the warm connection.
  for (auto item = items.rbegin(); item != items.rend(); ++item) Return(std::move(*item));
  return status;
}

void HttpClient::Stop() { eventfd_write(shared_->stop_fd, 1); }

}  // namespace gc
