#include "distsys/domain/geo/quad_image.hpp"

#include "hash.hpp"

#include <bit>
#include <cmath>
#include <concepts>
#include <cstring>
#include <vector>

namespace distsys::domain::geo {
namespace {

static_assert(std::endian::native == std::endian::little, "the bytes are little-endian");

constexpr std::int64_t end_of_time = 253'402'300'799'999;  // of year 9999, in ms
constexpr std::string_view magic = "dsq1";
static_assert(magic.back() == '0' + quad_image::format);
constexpr std::size_t head_size = magic.size() + sizeof(std::uint64_t);  // and the checksum
// Of a row: key, longitude, latitude, since, expires, severity, kind, source, size of the feature.
constexpr std::size_t row_size = 5 * 8 + 4 + 2 + 2 + 4;

template <class T>
concept number = std::integral<T> || std::floating_point<T>;

class writer {
 public:
  explicit writer(std::size_t size) { out_.reserve(size); }
  writer& put(number auto value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out_.append(bytes, sizeof value);
    return *this;
  }
  writer& put(std::string_view text) {
    out_.append(text);
    return *this;
  }
  void put_names(std::span<const std::string> names) {
    put(static_cast<std::uint32_t>(names.size()));
    for (const auto& n : names) put(static_cast<std::uint32_t>(n.size())).put(std::string_view(n));
  }
  std::string& bytes() { return out_; }

 private:
  std::string out_;
};

/// Answers zeros and empty texts once something was missing.
class reader {
 public:
  explicit reader(std::string_view in) : in_(in) {}
  template <number T>
  T get() {
    T value{};
    const std::string_view bytes = text(sizeof value);
    if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string_view text(std::size_t size) {
    if (size > in_.size()) {
      sound_ = false;
      in_ = {};
      return {};
    }
    const auto part = in_.substr(0, size);
    in_.remove_prefix(size);
    return part;
  }
  std::vector<std::string_view> names() {
    std::vector<std::string_view> all;
    for (auto n = get<std::uint32_t>(); n > 0 && sound_; --n) all.push_back(text(get<std::uint32_t>()));
    return all;
  }
  bool sound() const noexcept { return sound_; }
  std::size_t left() const noexcept { return in_.size(); }

 private:
  std::string_view in_;
  bool sound_ = true;
};

std::size_t size_of(const quad_image& image) {
  std::size_t n = head_size + 64;
  if (!image.rows) return n;
  for (const auto& r : image.rows->rows()) n += row_size + r.feature_size;
  return n + 64 * (image.rows->kinds().size() + image.rows->sources().size());
}

void put_rows(writer& w, const event_rows& rows) {
  w.put_names(rows.kinds());
  w.put_names(rows.sources());
  w.put(static_cast<std::uint32_t>(rows.size()));
  for (const auto& r : rows.rows()) {
    w.put(r.key).put(r.at.lon).put(r.at.lat).put(r.since).put(r.expires).put(r.severity);
    w.put(r.kind).put(r.source).put(r.feature_size);
  }
  for (const auto& r : rows.rows()) w.put(rows.feature(r));
}

struct plain_row {
  event_rows::row row;
  std::uint16_t kind, source;
  std::uint32_t size;
};

std::optional<plain_row> get_row(reader& r, const quad& where, std::size_t kinds, std::size_t sources) {
  plain_row p{};
  p.row.key = r.get<std::int64_t>();
  p.row.at.lon = r.get<double>();
  p.row.at.lat = r.get<double>();
  p.row.since = r.get<std::int64_t>();
  p.row.expires = r.get<std::int64_t>();
  p.row.severity = r.get<std::int32_t>();
  p.kind = r.get<std::uint16_t>();
  p.source = r.get<std::uint16_t>();
  p.size = r.get<std::uint32_t>();
  const bool finite = std::isfinite(p.row.at.lon) && std::isfinite(p.row.at.lat);
  if (!r.sound() || !finite || std::abs(p.row.at.lon) > 180 || std::abs(p.row.at.lat) > 90) return std::nullopt;
  p.row.cell = cell_of(p.row.at);
  if (!where.contains(p.row.cell) || p.kind >= kinds || p.source >= sources) return std::nullopt;
  return p;
}

std::shared_ptr<const event_rows> get_rows(reader& r, const quad& where) {
  const auto kinds = r.names(), sources = r.names();
  const std::size_t count = r.get<std::uint32_t>();
  if (!r.sound() || count > r.left() / row_size) return nullptr;
  std::vector<plain_row> rows;
  rows.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto row = get_row(r, where, kinds.size(), sources.size());
    if (!row) return nullptr;
    rows.push_back(*row);
  }
  event_rows::builder made;
  made.reserve(count, r.left());
  for (const auto& p : rows)
    if (!made.add(p.row, kinds[p.kind], sources[p.source], r.text(p.size))) return nullptr;
  return r.sound() && r.left() == 0 ? made.finish() : nullptr;
}

}  // namespace

std::string encode(const quad_image& image) {
  writer w(size_of(image));
  w.put(magic).put(std::uint64_t{0});
  w.put(image.where.code()).put(image.sequence).put(std::int64_t{image.read.time_since_epoch().count()});
  w.put(static_cast<std::uint8_t>(image.rows ? 1 : 0));
  if (image.rows) put_rows(w, *image.rows);
  const std::uint64_t checksum = hash64(std::string_view(w.bytes()).substr(head_size));
  std::memcpy(w.bytes().data() + magic.size(), &checksum, sizeof checksum);
  return std::move(w.bytes());
}

result<quad_image> decode_quad_image(std::string_view bytes) {
  const error corrupt{errc::corrupt, "these bytes are no quad that this program has written"};
  reader r(bytes);
  if (r.text(magic.size()) != magic) return corrupt;
  const auto checksum = r.get<std::uint64_t>();
  if (!r.sound() || hash64(bytes.substr(head_size)) != checksum) return corrupt;
  quad_image image;
  const auto where = quad::from_code(r.get<std::uint64_t>());
  image.sequence = r.get<std::int64_t>();
  image.read = runtime::timestamp(std::chrono::milliseconds(r.get<std::int64_t>()));
  const auto has_rows = r.get<std::uint8_t>();
  const auto read = image.read.time_since_epoch().count();
  if (!r.sound() || !where || image.sequence < 0 || read < 0 || read > end_of_time || has_rows > 1) return corrupt;
  image.where = *where;
  if (has_rows == 1) {
    image.rows = get_rows(r, image.where);
    if (!image.rows) return corrupt;
  }
  if (r.left() > 0) return corrupt;
  return image;
}

}  // namespace distsys::domain::geo
