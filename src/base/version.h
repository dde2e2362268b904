// version.h: the version of all programs of this source tree.
// SPDX-License-Identifier: MIT
#pragma once

namespace gc {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace gc
