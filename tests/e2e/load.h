// load.h: a steady load in the background, which remembers what became of each request.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "e2e/calls.h"

namespace gc::test {

class Load {
 public:
  struct Done {
    std::string id;  // x-request-id; empty when no answer came
    int status = 0;
    std::string error;
    std::chrono::steady_clock::time_point began;
    std::chrono::steady_clock::time_point ended;
  };

  // `clients` threads, each with one request after the other, until Stop.
  Load(const Gateway& gateway, int clients) {
    for (int i = 0; i < clients; ++i) {
      threads_.emplace_back([this, call = Chat(gateway, "load")] {
        while (!stop_) {
          const auto began = std::chrono::steady_clock::now();
          Record(Do(call), began);
        }
      });
    }
  }
  ~Load() { Stop(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  const std::vector<Done>& Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    return done_;
  }
  // Waits until that many requests have ended.
  void WaitFor(size_t requests) {
    EXPECT_TRUE(WaitUntil([&] { return count() >= requests; }, 60'000)) << count() << " of " << requests;
  }
  size_t count() {
    const std::lock_guard lock(mutex_);
    return done_.size();
  }

 private:
  void Record(const HttpReply& reply, std::chrono::steady_clock::time_point began) {
    const auto ended = std::chrono::steady_clock::now();
    Done done{std::string(reply.Header("x-request-id")), reply.status, reply.error, began, ended};
    const std::lock_guard lock(mutex_);
    done_.push_back(std::move(done));
  }

  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::vector<Done> done_;
  std::vector<std::thread> threads_;
};

// How many did not get a whole 200.
inline size_t Failures(const std::vector<Load::Done>& done) {
  size_t failures = 0;
  for (const Load::Done& d : done) failures += d.status != 200 || !d.error.empty();
  return failures;
}

}  // namespace gc::test
