#include "redis_error.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace distsys::adapters::redis {
namespace {

struct meaning {
  std::string_view begins_with;
  errc code;
};

// The first that fits counts.
constexpr std::array meanings{
    meaning{"OOM", errc::no_space},
    meaning{"READONLY", errc::unavailable},
    meaning{"LOADING", errc::unavailable},
    meaning{"MASTERDOWN", errc::unavailable},
    meaning{"NOREPLICAS", errc::unavailable},
    meaning{"MISCONF", errc::unavailable},
    meaning{"BUSY", errc::unavailable},
    meaning{"TRYAGAIN", errc::unavailable},
    meaning{"CLUSTERDOWN", errc::unavailable},
    meaning{"UNKILLABLE", errc::unavailable},
    meaning{"ERR max number of clients", errc::unavailable},
    meaning{"NOAUTH", errc::permission_denied},
    meaning{"WRONGPASS", errc::permission_denied},
    meaning{"NOPERM", errc::permission_denied},
    meaning{"DENIED", errc::permission_denied},
    meaning{"ERR operation not permitted", errc::permission_denied},
    meaning{"WRONGTYPE", errc::invalid},
    meaning{"MOVED", errc::invalid},
    meaning{"ASK", errc::invalid},
    meaning{"CROSSSLOT", errc::invalid},
    meaning{"ERR", errc::invalid},
};

// Redis repeats the arguments of a command that it does not know, and a script's error names its line.
std::string_view harmless_part(std::string_view text) {
  text = text.substr(0, std::min({text.find(", with args"), text.find(" script: "), text.find('\''), text.find('`')}));
  return text.substr(0, 120);
}

std::string printable(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e; }, '?');
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace

error server_error(std::string_view text) {
  errc code = errc::internal;
  for (const auto& m : meanings) {
    if (!text.starts_with(m.begins_with)) continue;
    code = m.code;
    break;
  }
  std::string detail = "redis: " + printable(harmless_part(text));
  if (text.starts_with("MOVED") || text.starts_with("ASK") || text.starts_with("CROSSSLOT"))
    detail = "redis: the server is part of a cluster, which this driver does not speak";
  return {code, detail};
}

bool speaks_of_wrong_server(std::string_view text) noexcept {
  return text.starts_with("READONLY") || text.starts_with("MASTERDOWN");
}

bool is_unknown_script(std::string_view text) noexcept { return text.starts_with("NOSCRIPT"); }

}  // namespace distsys::adapters::redis
