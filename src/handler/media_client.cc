// media_client.cc: one file from URL to bytes: host list, addresses, redirects, type, size, time.
// SPDX-License-Identifier: MIT
#include "handler/media_client.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/host_patterns.h"
#include "base/ip.h"
#include "base/resolver.h"
#include "base/version.h"

namespace gc {
namespace {

constexpr int kMaxRedirects = 3;
constexpr size_t kMaxFiles = 32;    // of one request
constexpr int64_t kTickMs = 1000;   // how often a client that cannot be watched is looked after
constexpr size_t kBase64Group = 4;  // digits
constexpr size_t kBytesPerGroup = 3;

ApiError Refusal(std::string what) { return {ApiErrorKind::kInvalidImageUrl, std::move(what), "", 0}; }

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string_view FieldOf(const HttpFields& fields, std::string_view name) {
  const auto at = std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
  return at == fields.end() ? std::string_view() : std::string_view(at->second);
}

// In lower case and without parameters. Empty when it is no type: it may go into an error text.
std::string TypeOf(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find_first_of("; \t")));
  for (char& c : type) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  const bool is_type = type.find('/') != std::string::npos && type.size() <= 127 &&
                       std::all_of(type.begin(), type.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  return is_type ? type : "";
}

HttpClientOptions Options(const Config& config) {
  HttpClientOptions options;
  const int64_t timeout_ms = config.Int(ConfigKey::kMediaTimeoutS) * 1000;
  options.connect_timeout_ms = options.first_byte_timeout_ms = options.idle_timeout_ms = timeout_ms;
  options.max_idle_connections = 0;
  options.ca_path = config.Text(ConfigKey::kUpstreamCaPath);
  return options;
}

}  // namespace

// Takes the answer in as long as it is wanted.
class MediaClient::Download final : public HttpObserver {
 public:
  Download(const Limits& limits, ResponseSink* client) : limits_(limits), client_(client) {}

  bool OnHead(int status, const HttpFields& headers) override {
    if (IsRedirect(status)) {
      location_ = FieldOf(headers, "location");
      if (location_.empty()) wrong_ = "redirects to nowhere";
      return false;
    }
    file_.mime_type = TypeOf(FieldOf(headers, "content-type"));
    const std::string_view length = FieldOf(headers, "content-length");
    size_t bytes = 0;
    std::from_chars(length.data(), length.data() + length.size(), bytes);
    const std::string_view coding = FieldOf(headers, "content-encoding");
    if (status != 200) {
      wrong_ = "its server answers with status " + std::to_string(status);
    } else if (!coding.empty() && coding != "identity") {
      wrong_ = "its server compresses it, unasked";
    } else {
      wrong_ = CheckMime(file_.mime_type, limits_.use);
    }
    return wrong_.empty() && Fits(bytes);
  }
  bool OnBody(std::string_view bytes) override {
    if (!Fits(file_.bytes.size() + bytes.size())) return false;
    file_.bytes += bytes;
    return true;
  }
  bool OnWait() override { return !client_->ClientGone(); }

  // Empty: it is no redirect.
  const std::string& location() const { return location_; }
  const std::string& wrong() const { return wrong_; }
  File& file() { return file_; }

 private:
  bool Fits(size_t bytes) {
    if (bytes > limits_.max_bytes) {
      wrong_ = "is over " + std::to_string(limits_.max_bytes) + " bytes" +
               (limits_.is_rest ? ", which is all that the files of one request have left" : "");
    }
    return wrong_.empty();
  }

  const Limits& limits_;
  ResponseSink* client_;
  File file_;
  std::string wrong_;
  std::string location_;
};

MediaClient::MediaClient(const Config& config)
    : config_(config), hosts_(config.Text(ConfigKey::kMediaHosts)), http_(Options(config)) {}

ApiError MediaClient::TooLate() const {
  return Refusal("did not come within " + std::to_string(config_.Int(ConfigKey::kMediaTimeoutS)) +
                 " s, which all files of a request have together");
}

// The host as HttpCall::resolved wants it. One address that is not public spoils the others: a name that leads inside
// is not what the operator meant, whichever address would have been tried first.
Result<std::string, ApiError> MediaClient::ResolvePublic(const std::string& host, const Limits& limits,
                                                         ResponseSink* client) {
  const int64_t left_ms = (limits.deadline_us - SystemClock().MonotonicUs()) / 1000;
  const auto addresses = ResolveHost(host, left_ms, client->WatchFd(), [client] { return client->ClientGone(); });
  if (!addresses.ok()) {
    return addresses.error().kind == ErrorKind::kTimeout ? TooLate() : Refusal("its host is not known");
  }
  std::string resolved = host + ":443:";
  for (const std::string& address : *addresses) {
    if (!IsPublicAddress(address)) return Refusal("its host is not one of the public Internet");
    const bool is_v6 = address.find(':') != std::string::npos;
    if (resolved.back() != ':') resolved += ',';
    resolved += is_v6 ? "[" + address + "]" : address;
  }
  return resolved;
}

Result<MediaClient::File, ApiError> MediaClient::Get(std::string_view text, const Limits& limits,
                                                     ResponseSink* client) {
  auto url = ParseMediaUrl(text);
  for (int redirects = 0;; ++redirects) {
    const std::string which = redirects == 0 ? "" : "redirects to a URL that is refused: ";
    if (!url.ok()) return Refusal(which + url.error().message);
    if (!IsHostListed(hosts_, url->host)) return Refusal(which + "this gateway does not fetch from that host");
    auto resolved = ResolvePublic(url->host, limits, client);
    if (!resolved.ok()) return Refusal(which + resolved.error().message);

    HttpCall call;
    call.method = "GET";
    call.url = url->Text();
    call.headers = {{"user-agent", std::string("gemini-code/") + kVersion}};
    call.resolved = std::move(*resolved);
    call.total_timeout_ms = std::max<int64_t>(1, (limits.deadline_us - SystemClock().MonotonicUs()) / 1000);
    Download download(limits, client);
    const Status got = http_.Perform(call, &download, client->WatchFd(), kTickMs);
    if (!download.location().empty()) {
      if (redirects == kMaxRedirects) return Refusal("redirects more than " + std::to_string(kMaxRedirects) + " times");
      url = FollowLocation(*url, download.location());
      continue;
    }
    if (!download.wrong().empty()) return Refusal(download.wrong());
    if (got.ok() && download.file().bytes.empty()) return Refusal("is empty");
    if (got.ok()) return std::move(download.file());
    switch (got.error().kind) {
      case ErrorKind::kTimeout:
        return TooLate();
      case ErrorKind::kUnreachable:
        return Refusal("its server cannot be reached: " + got.error().message);
      case ErrorKind::kStopping:
        return ApiError{ApiErrorKind::kBusy, "The gateway restarts and could not wait for this file", "", 1};
      case ErrorKind::kInternal:
        return ApiError{ApiErrorKind::kInternal, "The gateway could not fetch this file", "", 0};
      default:
        return Refusal("was cut: " + got.error().message);
    }
  }
}

Result<Media, ApiError> RequestMedia::Fetch(std::string_view url, MediaUse use) {
  const Config& config = client_.config();
  if (const auto known = files_.find(url); known != files_.end()) {
    if (std::string wrong = CheckMime(known->second.mime_type, use); !wrong.empty()) return Refusal(std::move(wrong));
    return known->second;
  }
  if (files_.size() == kMaxFiles) {
    return Refusal("is one too many: " + std::to_string(kMaxFiles) + " URLs of a request are fetched");
  }
  if (deadline_us_ == 0) {
    deadline_us_ = clock_.MonotonicUs() + config.Int(ConfigKey::kMediaTimeoutS) * 1000000;
  }
  // A client that had sent the files itself could not have sent more.
  const size_t left = static_cast<size_t>(config.Int(ConfigKey::kRequestMaxBodyBytes)) - base64_bytes_;
  const size_t left_bytes = left / kBase64Group * kBytesPerGroup;
  const auto max_bytes = static_cast<size_t>(config.Int(ConfigKey::kMediaMaxBytes));
  const MediaClient::Limits limits{use, std::min(max_bytes, left_bytes), left_bytes < max_bytes, deadline_us_};
  auto file = client_.Get(url, limits, &sink_);
  if (!file.ok()) return std::move(file.error());
  Media media{std::move(file->mime_type), ToBase64(file->bytes)};
  base64_bytes_ += media.data.size();
  return files_.emplace(url, std::move(media)).first->second;
}

}  // namespace gc
