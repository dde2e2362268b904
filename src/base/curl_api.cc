// curl_api.cc: finds libcurl's functions at run time.
// SPDX-License-Identifier: MIT
#include "base/curl_api.h"

#include <dlfcn.h>

namespace gc {
namespace {

struct Loaded {
  CurlApi api{};
  std::string error;
};

template <class Function>
void Resolve(void* library, const char* name, Function* out, std::string* error) {
  *out = reinterpret_cast<Function>(dlsym(library, name));
  if (*out == nullptr) *error = std::string("libcurl has no ") + name;
}

Loaded Load() {
  Loaded loaded;
  void* library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    loaded.error = dlerror();
    return loaded;
  }
  CurlApi& api = loaded.api;
#define GC_RESOLVE(name) Resolve(library, "curl_" #name, &api.name, &loaded.error)
  GC_RESOLVE(global_init);
  GC_RESOLVE(easy_init);
  GC_RESOLVE(easy_cleanup);
  GC_RESOLVE(easy_reset);
  GC_RESOLVE(easy_setopt);
  GC_RESOLVE(easy_getinfo);
  GC_RESOLVE(easy_strerror);
  GC_RESOLVE(multi_init);
  GC_RESOLVE(multi_cleanup);
  GC_RESOLVE(multi_setopt);
  GC_RESOLVE(multi_add_handle);
  GC_RESOLVE(multi_remove_handle);
  GC_RESOLVE(multi_perform);
  GC_RESOLVE(multi_poll);
  GC_RESOLVE(multi_info_read);
  GC_RESOLVE(share_init);
  GC_RESOLVE(share_cleanup);
  GC_RESOLVE(share_setopt);
  GC_RESOLVE(slist_append);
  GC_RESOLVE(slist_free_all);
#undef GC_RESOLVE
  if (loaded.error.empty() && api.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) loaded.error = "libcurl does not start";
  return loaded;
}

}  // namespace

Result<const CurlApi*> LoadCurl() {
  static const Loaded loaded = Load();
  if (!loaded.error.empty()) return Error{ErrorKind::kInternal, "load libcurl: " + loaded.error};
  return &loaded.api;
}

}  // namespace gc
