// network.cc: an Internet of a test's own, preloaded into the program under test: names and addresses that the program
// takes for public ones, with one server on the loopback behind them all.
// Environment: GC_TEST_HOSTS, a file of lines `NAME ANSWER...`: an answer is addresses with commas between, or `never`;
// each lookup takes the next one, the last one stays. GC_TEST_PORT: where connections to public addresses' port 443 go.
// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "base/ip.h"

namespace {

constexpr in_port_t kHttps = 443;

template <class Function>
Function Next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

std::string Setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The answer to this lookup; empty for a name that the file does not have.
std::string AnswerFor(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, size_t> lookups;
  const std::lock_guard lock(mutex);
  std::ifstream file(Setting("GC_TEST_HOSTS"));
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word != name) continue;
    std::vector<std::string> answers;
    while (words >> word) answers.push_back(word);
    return answers.at(std::min(lookups[name]++, answers.size() - 1));
  }
  return {};
}

bool IsPublic(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text, sizeof text);
  }
  return gc::IsPublicAddress(text);
}

}  // namespace

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** out) {
  static const auto real = Next<decltype(&getaddrinfo)>("getaddrinfo");
  std::string answer = name == nullptr ? "" : AnswerFor(name);
  if (answer.empty()) return real(name, service, hints, out);
  while (answer == "never") pause();
  *out = nullptr;
  addrinfo** end = out;
  std::istringstream addresses(answer);
  for (std::string address; std::getline(addresses, address, ',');) {
    addrinfo numeric{};
    numeric.ai_flags = AI_NUMERICHOST;
    numeric.ai_socktype = SOCK_STREAM;
    if (const int error = real(address.c_str(), service, &numeric, end); error != 0) return error;
    end = &(*end)->ai_next;
  }
  return 0;
}

extern "C" int connect(int fd, const sockaddr* address, socklen_t size) {
  static const auto real = Next<decltype(&connect)>("connect");
  const in_port_t port = address->sa_family == AF_INET    ? reinterpret_cast<const sockaddr_in*>(address)->sin_port
                         : address->sa_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(address)->sin6_port
                                                          : 0;
  if (port != htons(kHttps) || !IsPublic(address)) return real(fd, address, size);
  const in_port_t to = htons(static_cast<in_port_t>(std::atoi(Setting("GC_TEST_PORT").c_str())));
  if (address->sa_family == AF_INET) {
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.sin_port = to;
    return real(fd, reinterpret_cast<const sockaddr*>(&server), sizeof server);
  }
  sockaddr_in6 server{};
  server.sin6_family = AF_INET6;
  inet_pton(AF_INET6, "::ffff:127.0.0.1", &server.sin6_addr);
  server.sin6_port = to;
  return real(fd, reinterpret_cast<const sockaddr*>(&server), sizeof server);
}
