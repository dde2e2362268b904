// mount.h: how the web server runs us.
// SPDX-License-Identifier: MIT
#pragma once

namespace gc {

enum class Mount {
  kFastCgi,  // a listening socket was handed over
  kCgi,      // one request, in the environment and on fds 0 and 1
  kNone,     // started by hand
};

struct MountInfo {
  Mount mount = Mount::kNone;
  int listen_fd = -1;  // kFastCgi
};

// Socket activation (LISTEN_PID and LISTEN_FDS: fd 3), else a listening socket on fd 0, else GATEWAY_INTERFACE.
// FCGX_IsCGI looks at fd 0 only and takes socket activation for CGI.
MountInfo DetectMount();

const char* MountName(Mount mount);

}  // namespace gc
