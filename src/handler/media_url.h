// media_url.h: URLs of files that the gateway may fetch, read strictly: what is checked is what is asked for.
// Source: RFC 3986; WHATWG's URL standard for what programs take for an IPv4 address.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace gc {

struct MediaUrl {
  std::string host;    // a name in lower case, never an address
  std::string target;  // path and query, begins with '/'

  std::string Text() const { return "https://" + host + target; }
};

// Only https, port 443, no user, no address in place of the name. Errors: kInvalid, saying what is wrong.
Result<MediaUrl> ParseMediaUrl(std::string_view text);
// Where a redirect from `base` leads. Errors: as above.
Result<MediaUrl> FollowLocation(const MediaUrl& base, std::string_view location);

}  // namespace gc
