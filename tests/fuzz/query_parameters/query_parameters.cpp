// A query as a client wrote it: every kind of reading, bounded and printable complaints, and a value that was encoded
// comes back as it was.
#include "distsys/foundation/url.hpp"
#include "distsys/net/http_message.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_complaint(const distsys::result<void>& outcome) {
  if (outcome) return;
  const auto& text = outcome.error().detail;
  require(outcome.error() == distsys::errc::invalid);
  require(!text.empty() && text.size() < 4096);
  require(std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }));
}

void read_every_way(std::string_view query) {
  distsys::net::query_parameters p(query);
  const auto text = p.text("kind");
  const auto again = p.text("kind");
  require(text == again);
  if (const auto v = p.real("lat", -90, 90)) require(*v >= -90 && *v <= 90);
  if (const auto v = p.integer("limit", 1, 1000)) require(*v >= 1 && *v <= 1000);
  (void)p.flag("all");
  for (const auto& one : p.texts("source")) require(!one.empty() && one.find(',') == std::string::npos);
  check_complaint(p.finish());
}

void check_round_trip(const std::string& value) {
  const std::string query = "a=1&" + distsys::percent_encode("k&" + value) + "=" + distsys::percent_encode(value);
  distsys::net::query_parameters p(query);
  require(p.integer("a", 1, 1) == 1);
  require(p.text("k&" + value) == value);
  require(p.finish().has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  read_every_way(text);
  read_every_way("lat=" + text + "&limit=" + text + "&kind=" + text);
  check_round_trip(text);
  return 0;
}
