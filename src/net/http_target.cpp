#include "http_target.hpp"

#include "distsys/foundation/url.hpp"

#include <vector>

namespace distsys::net {
namespace {

struct segment {
  std::string_view raw;
  std::string decoded;  // its slashes are written %2F, so that they separate nothing
};

bool decode(std::string_view raw, segment& out) {
  out.raw = raw;
  auto decoded = percent_decode(raw);
  if (!decoded || decoded->find('\0') != std::string::npos) return false;
  for (std::size_t at = decoded->find('/'); at != std::string::npos; at = decoded->find('/', at))
    decoded->replace(at, 1, "%2F");
  out.decoded = std::move(*decoded);
  return true;
}

bool rewrite(std::string_view path, path_scratch& scratch) {
  std::vector<segment> segments;
  for (bool last = false; !last;) {
    path.remove_prefix(1);  // the slash
    const std::size_t end = path.find('/');
    last = end == std::string_view::npos;
    segment s;
    if (!decode(path.substr(0, end), s)) return false;
    if (!last) path.remove_prefix(end);
    if (s.decoded != "." && s.decoded != "..") {
      segments.push_back(std::move(s));
      continue;
    }
    if (s.decoded == ".." && !segments.empty()) segments.pop_back();
    if (last) segments.emplace_back();  // "/a/.." is "/a"'s folder: keep its slash
  }
  scratch.raw.clear();
  scratch.decoded.clear();
  for (const segment& s : segments) {
    scratch.raw.append("/").append(s.raw);
    scratch.decoded.append("/").append(s.decoded);
  }
  return true;
}

}  // namespace

bool split_target(http_request& request, path_scratch& scratch) {
  std::string_view target = request.target;
  if (target.front() != '/' && target != "*") {
    target.remove_prefix(target.find("://") + 3);
    const std::size_t begin = target.find_first_of("/?");
    target = begin == std::string_view::npos ? std::string_view{} : target.substr(begin);
  }
  const std::size_t question = target.find('?');
  request.query = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
  std::string_view path = target.substr(0, question);
  if (path.empty()) path = "/";
  request.raw_path = request.path = path;
  if (path.find('%') == std::string_view::npos && path.find("/.") == std::string_view::npos) return true;
  if (!rewrite(path, scratch)) return false;
  request.raw_path = scratch.raw;
  request.path = scratch.decoded;
  return true;
}

}  // namespace distsys::net
