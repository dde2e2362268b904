// media_url.cc: cuts URLs and resolves redirects.
// SPDX-License-Identifier: MIT
#include "handler/media_url.h"

#include <algorithm>

#include "base/host_patterns.h"

namespace gc {
namespace {

constexpr std::string_view kScheme = "https:";

Error Wrong(std::string what) { return Error{ErrorKind::kInvalid, std::move(what)}; }

std::string LowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out;
}

// Blanks, control characters, and the backslash, which some readers of URLs take for a slash.
bool IsForbidden(char c) { return (c >= '\0' && c <= ' ') || c == '\x7f' || c == '\\'; }

// Bytes beyond ASCII escaped, no fragment.
std::string TargetOf(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string target = text.starts_with('/') ? "" : "/";
  for (const char c : text.substr(0, text.find('#'))) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      target += c;
    } else {
      target.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return target;
}

bool HasScheme(std::string_view reference) {
  const size_t mark = reference.find_first_of(":/?#");
  return mark != std::string_view::npos && reference[mark] == ':';
}

}  // namespace

Result<MediaUrl> ParseMediaUrl(std::string_view text) {
  if (std::any_of(text.begin(), text.end(), IsForbidden)) return Wrong("must not hold blanks or backslashes");
  if (LowerCase(text.substr(0, kScheme.size())) != kScheme || text.substr(kScheme.size(), 2) != "//") {
    return Wrong("must be a data: or an https: URL");
  }
  text.remove_prefix(kScheme.size() + 2);
  const size_t end = std::min(text.find_first_of("/?#"), text.size());
  const std::string_view authority = text.substr(0, end);
  if (authority.find('@') != std::string_view::npos) return Wrong("must not hold a user or a password");
  if (authority.starts_with('[')) return Wrong("must have a host name, not an address");
  const size_t colon = std::min(authority.find(':'), authority.size());
  const std::string_view port = authority.substr(colon);
  if (!port.empty() && port != ":" && port != ":443") return Wrong("must not name a port other than 443");
  MediaUrl url{LowerCase(authority.substr(0, colon)), TargetOf(text.substr(end))};
  if (!IsHostName(url.host)) return Wrong("must have a host name, not an address");
  return url;
}

Result<MediaUrl> FollowLocation(const MediaUrl& base, std::string_view location) {
  if (HasScheme(location)) return ParseMediaUrl(location);
  if (location.starts_with("//")) return ParseMediaUrl(std::string(kScheme).append(location));
  const std::string path = base.target.substr(0, base.target.find('?'));
  std::string target(location);
  if (location.starts_with('?')) {
    target = path + target;
  } else if (!location.starts_with('/')) {
    target = path.substr(0, path.rfind('/') + 1) + target;
  }
  return ParseMediaUrl("https://" + base.host + target);
}

}  // namespace gc
