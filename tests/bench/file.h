// file.h: whole files as text, for programs that do without the tests' helpers.
// SPDX-License-Identifier: MIT
#pragma once

#include <fstream>
#include <sstream>
#include <string>

namespace gc::bench {

// Empty when there is none.
inline std::string WholeFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace gc::bench
