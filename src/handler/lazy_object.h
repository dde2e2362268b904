// lazy_object.h: a JSON member that is an object, opened when its first member comes: an empty one is not written.
// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "base/json.h"

namespace gc {

class LazyObject {
 public:
  LazyObject(json::Writer* w, std::string_view key) : w_(w), key_(key) {}
  LazyObject(const LazyObject&) = delete;
  LazyObject& operator=(const LazyObject&) = delete;
  ~LazyObject() {
    if (open_) w_->EndObject();
  }
  json::Writer& Key(std::string_view name) {
    if (!open_) w_->Key(key_).BeginObject();
    open_ = true;
    return w_->Key(name);
  }

 private:
  json::Writer* w_;
  std::string_view key_;
  bool open_ = false;
};

}  // namespace gc
