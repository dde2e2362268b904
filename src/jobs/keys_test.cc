// keys_test.cc: gemini-code-keys test: what Google says to keys, asked for nothing that costs quota.
// SPDX-License-Identifier: MIT
#include "jobs/keys.h"

#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/http_client.h"
#include "base/json.h"
#include "base/key_hash.h"
#include "base/redact.h"
#include "jobs/printable.h"

namespace gc::jobs {
namespace {

constexpr size_t kMaxInputBytes = 65536;
constexpr size_t kMaxAnswerBytes = 65536;
constexpr size_t kMaxKeyBytes = 512;
constexpr size_t kMaxMessageBytes = 300;
constexpr int64_t kTotalTimeoutMs = 60'000;
constexpr int64_t kTickMs = 1000;

void Wipe(std::string* secret) { explicit_bzero(secret->data(), secret->size()); }

// Wiped at the end; holds the whole input at once, so that nothing of it is left behind by a growing string.
class Input {
 public:
  Input() = default;
  ~Input() { explicit_bzero(bytes_.data(), bytes_.size()); }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  Status Read(int fd) {
    for (;;) {
      const ssize_t got = read(fd, bytes_.data() + size_, bytes_.size() - size_);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Error{ErrorKind::kIo, std::string("cannot read the keys: ") + strerror(errno)};
      if (got == 0) return {};
      size_ += static_cast<size_t>(got);
      if (size_ == bytes_.size()) return Error{ErrorKind::kInvalid, "more than 64 KiB of keys"};
    }
  }

  std::vector<std::string_view> Keys() const {
    std::vector<std::string_view> keys;
    std::string_view rest(bytes_.data(), size_);
    while (!rest.empty()) {
      const size_t end = std::min(rest.find_first_of(", \t\r\n"), rest.size());
      if (end > 0) keys.push_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return keys;
  }

 private:
  std::array<char, kMaxInputBytes> bytes_{};
  size_t size_ = 0;
};

// A key goes into a header: printable ASCII only.
bool MayBeSent(std::string_view key) {
  return key.size() <= kMaxKeyBytes && std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

class Answer final : public HttpObserver {
 public:
  bool OnHead(int status, const HttpFields& /*headers*/) override {
    status_ = status;
    return true;
  }
  bool OnBody(std::string_view bytes) override {
    body_.append(bytes.substr(0, kMaxAnswerBytes - std::min(body_.size(), kMaxAnswerBytes)));
    return true;
  }
  bool OnWait() override { return true; }

  int status() const { return status_; }
  const std::string& body() const { return body_; }

 private:
  int status_ = 0;
  std::string body_;
};

// What one key came to.
struct Verdict {
  std::string hash;
  int status = 0;       // of Google's answer; 0: none came
  std::string google;   // its status and reason: "INVALID_ARGUMENT API_KEY_INVALID"
  std::string message;  // Google's, or why there is no answer; redacted
  bool unreachable = false;
  bool ok() const { return status >= 200 && status < 300; }
};

void ReadRefusal(const std::string& body, const std::string& key, Verdict* verdict) {
  const auto document = json::Document::Parse(body);
  const json::Value* error = document.ok() ? document->root().Find("error") : nullptr;
  if (error == nullptr) return void(verdict->message = "no explanation");
  verdict->google = error->StringOr("status", "");
  if (const json::Value* details = error->Find("details")) {
    for (const json::Value& detail : details->Items()) {
      const std::string_view reason = detail.StringOr("reason", "");
      if (!reason.empty()) verdict->google += (verdict->google.empty() ? "" : " ") + std::string(reason);
    }
  }
  const std::string secrets[] = {key};
  const std::string message = Redact(error->StringOr("message", ""), secrets);
  verdict->google = Redact(verdict->google, secrets);
  verdict->message = CutUtf8(message, kMaxMessageBytes);
}

HttpClientOptions ClientOptions(const Config& config) {
  HttpClientOptions options;
  options.connect_timeout_ms = config.Int(ConfigKey::kUpstreamConnectTimeoutS) * 1000;
  options.first_byte_timeout_ms = config.Int(ConfigKey::kUpstreamFirstByteTimeoutS) * 1000;
  options.idle_timeout_ms = config.Int(ConfigKey::kUpstreamIdleTimeoutS) * 1000;
  options.max_idle_connections = 1;
  options.proxy = config.Text(ConfigKey::kUpstreamProxy);
  options.ca_path = config.Text(ConfigKey::kUpstreamCaPath);
  return options;
}

Verdict Ask(HttpClient* http, const Config& config, const KeyHasher& hasher, std::string_view key_text) {
  Verdict verdict;
  verdict.hash = hasher.Hash(key_text);
  HttpCall call;
  call.method = "GET";
  call.url = config.Text(ConfigKey::kUpstreamUrl) + "/v1beta/models?pageSize=1";
  call.headers.emplace_back("x-goog-api-key", key_text);
  call.total_timeout_ms = kTotalTimeoutMs;
  std::string& key = call.headers.back().second;
  Answer answer;
  const Status sent = http->Perform(call, &answer, -1, kTickMs);
  if (!sent.ok()) {
    verdict.unreachable = true;
    const std::string secrets[] = {key};
    verdict.message = Redact(sent.error().message, secrets);
  } else {
    verdict.status = answer.status();
    if (!verdict.ok()) ReadRefusal(answer.body(), key, &verdict);
  }
  Wipe(&key);
  return verdict;
}

void PrintText(const KeysOptions& options, const Verdict& verdict, Console* console) {
  std::string line = HashText(options, verdict.hash) + "  ";
  if (verdict.ok()) {
    line += "ok";
  } else if (verdict.unreachable) {
    line += "no answer: " + Printable(verdict.message);
  } else {
    line += "refused: " + std::to_string(verdict.status);
    if (!verdict.google.empty()) line += " " + Printable(verdict.google);
    if (!verdict.message.empty()) line += ": " + Printable(verdict.message);
  }
  console->Say(line);
}

void PrintJson(const std::vector<Verdict>& verdicts, Console* console) {
  std::string text;
  json::Writer w(&text);
  w.BeginObject().Key("keys").BeginArray();
  for (const Verdict& v : verdicts) {
    w.BeginObject().Key("key_hash").String(v.hash).Key("ok").Bool(v.ok()).Key("status_code").Int(v.status);
    w.Key("google").String(json::CleanUtf8(v.google)).Key("message").String(json::CleanUtf8(v.message)).EndObject();
  }
  w.EndArray().EndObject();
  console->Print(text);
}

}  // namespace

int TestKeys(const KeysOptions& options, const Config& config, int input_fd, Console* console) {
  const auto hasher = KeyHasher::Load(config.Text(ConfigKey::kSecretSaltFile));
  if (!hasher) return console->Fail(hasher.error());
  Input input;
  if (Status s = input.Read(input_fd); !s.ok()) return console->Fail(s.error());
  const std::vector<std::string_view> keys = input.Keys();
  if (keys.empty()) return console->Fail(EX_USAGE, "no key came in on standard input");
  if (!std::all_of(keys.begin(), keys.end(), MayBeSent)) {
    return console->Fail(EX_DATAERR, "what came in on standard input is no list of keys");
  }
  HttpClient http(ClientOptions(config));
  std::vector<Verdict> verdicts;
  for (const std::string_view key : keys) {
    verdicts.push_back(Ask(&http, config, *hasher, key));
    if (!console->json()) PrintText(options, verdicts.back(), console);
  }
  if (console->json()) PrintJson(verdicts, console);
  const auto any = [&](bool (*is)(const Verdict&)) { return std::any_of(verdicts.begin(), verdicts.end(), is); };
  if (any([](const Verdict& v) { return v.unreachable; })) return EX_UNAVAILABLE;
  return any([](const Verdict& v) { return !v.ok(); }) ? kExitFindings : EX_OK;
}

}  // namespace gc::jobs
