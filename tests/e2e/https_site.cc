// https_site.cc: the certificate, nginx, and the answers behind it.
// SPDX-License-Identifier: MIT
#include "e2e/https_site.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

namespace gc::test {
namespace {

constexpr int kDrops = 60;  // 3 s
constexpr auto kBetweenDrops = std::chrono::milliseconds(50);

void MustRun(std::vector<std::string> argv) {
  Command command;
  command.argv = argv;
  const RunResult result = RunCommand(command);
  if (result.code != 0) ADD_FAILURE() << argv[0] << " " << argv[1] << ": " << result.err;
}

// "GET /a HTTP/1.0…" -> "/a"
std::string TargetOf(const std::string& request) {
  const size_t begin = request.find(' ') + 1;
  return request.substr(begin, request.find(' ', begin) - begin);
}

}  // namespace

HttpsSite::HttpsSite(const std::string& names) : server_([this](RawPeer* peer) { Serve(peer); }) {
  MakeCertificate(names);
  StartNginx();
}

void HttpsSite::Set(const std::string& target, std::string response) {
  const std::lock_guard lock(mutex_);
  responses_[target] = std::move(response);
}

void HttpsSite::SetDrip(const std::string& target, std::string head) {
  const std::lock_guard lock(mutex_);
  drips_[target] = std::move(head);
}

std::vector<std::string> HttpsSite::TakeRequests() {
  const std::lock_guard lock(mutex_);
  return std::exchange(requests_, {});
}

void HttpsSite::Serve(RawPeer* peer) {
  const std::string request = peer->ReadRequest();
  if (request.empty()) return;
  std::string response;
  std::string drip;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    response = responses_[TargetOf(request)];
    drip = drips_[TargetOf(request)];
  }
  if (!response.empty()) return peer->Write(response);
  if (!drip.empty()) {
    peer->Write(drip);
    for (int i = 0; i < kDrops; ++i) {
      peer->Write("x");
      std::this_thread::sleep_for(kBetweenDrops);
    }
    return;
  }
  if (peer->WaitForClose()) ++abandoned_;
}

// A certificate that signs itself and is its own authority.
void HttpsSite::MakeCertificate(const std::string& names) {
  std::filesystem::create_directory(ca_path());
  const std::string certificate = ca_path() + "/site.pem";
  MustRun({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
           "2", "-subj", "/CN=site.test", "-addext", "subjectAltName=" + names, "-keyout", dir_.Path("key.pem"), "-out",
           certificate});
  MustRun({"openssl", "rehash", ca_path()});
}

void HttpsSite::StartNginx() {
  port_ = UnusedPort();
  std::string conf = geteuid() == 0 ? "user root;\n" : "";
  conf += "daemon off;\npid " + dir_.Path("pid") + ";\nerror_log " + dir_.Path("error.log") +
          ";\nworker_processes 1;\nevents {}\nhttp {\naccess_log off;\n";
  for (const char* name : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    conf += std::string(name) + "_temp_path " + dir_.Path(name) + ";\n";
  }
  conf += "server {\nlisten 127.0.0.1:" + std::to_string(port_) + " ssl;\nssl_certificate " + ca_path() +
          "/site.pem;\nssl_certificate_key " + dir_.Path("key.pem") + ";\nlocation / {\nproxy_pass " + server_.Url("") +
          ";\nproxy_set_header Host $http_host;\nproxy_buffering off;\n}\n}\n}\n";
  const std::string file = dir_.Write("nginx.conf", conf);
  Command command;
  command.argv = {"nginx", "-e", dir_.Path("error.log"), "-c", file};
  command.stdout_file = command.stderr_file = dir_.Path("out");
  nginx_.emplace(command);
  if (!WaitUntil([&] { return std::filesystem::exists(dir_.Path("pid")); }, 10'000)) {
    ADD_FAILURE() << "nginx does not start: " << ReadFile(dir_.Path("out")) << ReadFile(dir_.Path("error.log"));
  }
}

std::string FileResponse(const std::string& type, const std::string& body, const std::string& headers) {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string RedirectResponse(const std::string& location) {
  return "HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n";
}

}  // namespace gc::test
