// main.cc: libFuzzer's entry. The environment's FUZZ_TARGET names the target (`list` prints them);
// FUZZ_SEEDS=DIRECTORY writes its seeds there first. Arguments are libFuzzer's.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "fuzz/fuzz.h"

namespace {

const gc::fuzz::Target* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  const char* name = std::getenv("FUZZ_TARGET");
  if (name != nullptr && std::string_view(name) == "list") {
    for (const gc::fuzz::Target& target : gc::fuzz::Targets()) std::printf("%s\n", target.name.data());
    std::exit(0);
  }
  chosen = gc::fuzz::FindTarget(name == nullptr ? "" : name);
  if (chosen == nullptr) {
    std::fprintf(stderr, "FUZZ_TARGET must name a target; FUZZ_TARGET=list prints them\n");
    std::exit(64);
  }
  if (const char* directory = std::getenv("FUZZ_SEEDS")) {
    int number = 0;
    for (const std::string& seed : gc::fuzz::Seeds(chosen->name)) {
      std::ofstream(std::string(directory) + "/seed-" + std::to_string(++number), std::ios::binary) << seed;
    }
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string broken = chosen->check({reinterpret_cast<const char*>(data), size});
  if (broken.empty()) return 0;
  std::fprintf(stderr, "%s: %s\n", chosen->name.data(), broken.c_str());
  std::abort();
}
