// https_site.h: an HTTPS server whose answers a test writes, and a certificate directory that trusts it.
// nginx ends the TLS in front of a raw server.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/raw_server.h"
#include "support/temp_dir.h"

namespace gc::test {

class HttpsSite {
 public:
  // The certificate's names: "DNS:a.test,DNS:*.b.test".
  explicit HttpsSite(const std::string& names);

  // What a target answers: a whole HTTP response. Of a target without one the request is never answered.
  void Set(const std::string& target, std::string response);
  // Bytes without end, in pieces of one, after this head.
  void SetDrip(const std::string& target, std::string head);

  int port() const { return port_; }
  std::string ca_path() const { return dir_.Path("ca"); }
  // Since the last call, whole heads.
  std::vector<std::string> TakeRequests();
  // Requests whose client left before an answer.
  int abandoned() const { return abandoned_; }

 private:
  void Serve(RawPeer* peer);
  void MakeCertificate(const std::string& names);
  void StartNginx();

  TempDir dir_;
  int port_ = 0;
  std::mutex mutex_;  // of the three below
  std::map<std::string, std::string> responses_;
  std::map<std::string, std::string> drips_;
  std::vector<std::string> requests_;
  std::atomic<int> abandoned_ = 0;
  RawServer server_;
  std::optional<Process> nginx_;
};

// "HTTP/1.1 200 OK" with that type and body, and further header lines that end in CRLF.
std::string FileResponse(const std::string& type, const std::string& body, const std::string& headers = "");
std::string RedirectResponse(const std::string& location);

}  // namespace gc::test
