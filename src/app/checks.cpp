// Checks of values that more than one table has.
#include "src/app/checks.hpp"

#include "distsys/app/option.hpp"
#include "distsys/foundation/url.hpp"
#include "distsys/net/proxy_blocks.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace distsys::app {

std::string readable_file(std::string_view path) {
  const std::string name(path);
  struct stat about{};
  const auto refuse = [&](const char* why) { return "cannot read '" + name + "': " + why; };
  if (::stat(name.c_str(), &about) != 0) return refuse(std::strerror(errno));
  if (S_ISDIR(about.st_mode)) return refuse("it is a directory");
  if (::access(name.c_str(), R_OK) != 0) return refuse(std::strerror(errno));
  return {};
}

// What a browser sends as Origin (RFC 6454): nothing else ever equals it.
std::string valid_origin(std::string_view text) {
  if (text == "*") return {};
  const auto u = url::parse(text);
  const auto authority = text.find("://");
  const bool bare = authority != std::string_view::npos && text.find_first_of("/?#", authority + 3) == text.npos;
  if (u && (u->scheme() == "http" || u->scheme() == "https") && !u->host().empty() && u->user().empty() && bare)
    return {};
  return "'" + std::string(text.substr(0, 64)) + "' is neither * nor an origin such as https://example.org:8443";
}

std::string valid_proxy_block(std::string_view text) {
  if (net::is_proxy_block(text)) return {};
  return "'" + std::string(text.substr(0, 64)) + "' is neither an address nor a block such as 10.0.0.0/8";
}

}  // namespace distsys::app
