#include "http_gzip.hpp"

#include "distsys/foundation/text.hpp"
#include "http_framing.hpp"

#include <zlib.h>
#include <array>
#include <cstring>

namespace distsys::net {
namespace {

// "q=0" and "q=0.000" refuse; anything else accepts.
bool refused(std::string_view parameters) noexcept {
  const std::size_t q = parameters.find("q=");
  if (q == std::string_view::npos) return false;
  const std::string_view value = trim(parameters.substr(q + 2));
  return !value.empty() && value.find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

bool accepts_gzip(std::string_view list) noexcept {
  bool any = false;
  if (list.empty()) return false;
  while (const auto element = next_element(list)) {
    const std::size_t semicolon = element->find(';');
    const std::string_view coding = trim(element->substr(0, semicolon));
    const bool no = semicolon != std::string_view::npos && refused(element->substr(semicolon + 1));
    if (equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip")) return !no;
    if (coding == "*") any = !no;
  }
  return any;
}

bool compressible(std::string_view type) noexcept {
  const std::string_view media = trim(type.substr(0, type.find(';')));
  if (media.starts_with("text/")) return media != "text/event-stream";
  return media.ends_with("+json") || media.ends_with("+xml") || media.ends_with("/json") || media.ends_with("/xml") ||
         media == "application/javascript" || media == "application/x-ndjson" || media == "application/wasm" ||
         media == "font/ttf";
}

struct gzip_writer::stream {
  z_stream z{};
  bool good = false;
};

gzip_writer::gzip_writer(int level) : stream_(std::make_unique<stream>()) {
  constexpr int gzip_window = 15 + 16;  // zlib: 16 more asks for the gzip wrapper
  stream_->good = deflateInit2(&stream_->z, level, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) == Z_OK;
}

gzip_writer::~gzip_writer() {
  if (stream_->good) deflateEnd(&stream_->z);
}

bool gzip_writer::write(std::string_view slice, bool last, std::string& out) {
  if (!stream_->good) return false;
  z_stream& z = stream_->z;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(slice.data()));  // zlib does not write to it
  z.avail_in = static_cast<uInt>(slice.size());
  std::array<char, 16384> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  do {
    z.next_out = reinterpret_cast<Bytef*>(buffer.data());
    z.avail_out = static_cast<uInt>(buffer.size());
    if (deflate(&z, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR) return false;
    out.append(buffer.data(), buffer.size() - z.avail_out);
  } while (z.avail_out == 0);
  return true;
}

std::string gzip(std::string_view bytes, int level) {
  std::string out;
  gzip_writer writer(level);
  if (!writer.write(bytes, true, out)) out.clear();
  return out;
}

}  // namespace distsys::net
