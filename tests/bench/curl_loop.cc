// curl_loop.cc: bare libcurl: one POST after the other on one warm connection. Prints the CPU time of each, in
// microseconds. Arguments: URL, file of the body, number of calls.
// SPDX-License-Identifier: MIT
#include <curl/curl.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/answers.h"
#include "bench/file.h"

namespace {

constexpr int kWarmUpCalls = 200;

int64_t OwnCpuNs() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

size_t Collect(char* data, size_t size, size_t count, void* body) {
  static_cast<std::string*>(body)->append(data, size * count);
  return size * count;
}

bool Call(CURL* curl, std::string* answer) {
  answer->clear();
  long status = 0;
  if (const CURLcode code = curl_easy_perform(curl); code != CURLE_OK) {
    std::fprintf(stderr, "bench-curl-loop: %s\n", curl_easy_strerror(code));
    return false;
  }
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return status == 200 && !answer->empty();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  const std::string body = gc::bench::WholeFile(argv[2]);
  const int calls = std::atoi(argv[3]);
  if (body.empty() || calls <= 0) return 64;

  CURL* curl = curl_easy_init();
  curl_slist* headers = curl_slist_append(nullptr, "Expect:");
  headers = curl_slist_append(headers, "content-type: application/json");
  headers = curl_slist_append(headers, (std::string("x-goog-api-key: ") + gc::bench::kKey).c_str());
  std::string answer;
  curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Collect);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  bool ok = true;
  for (int i = 0; ok && i < kWarmUpCalls; ++i) ok = Call(curl, &answer);
  const int64_t before_ns = OwnCpuNs();
  for (int i = 0; ok && i < calls; ++i) ok = Call(curl, &answer);
  const int64_t spent_ns = OwnCpuNs() - before_ns;
  curl_easy_cleanup(curl);
  curl_slist_free_all(headers);
  if (!ok) return 1;
  std::printf("%.3f\n", static_cast<double>(spent_ns) / 1000.0 / calls);
  return 0;
}
