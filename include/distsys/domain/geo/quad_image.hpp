// What was read of one quad, as bytes that processes on any machine may hand to each other.
#pragma once

#include "distsys/domain/geo/event_rows.hpp"
#include "distsys/domain/geo/quad.hpp"
#include "distsys/foundation/error.hpp"
#include "distsys/runtime/clock.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace distsys::domain::geo {

struct quad_image {
  static constexpr int format = 1;  // of the bytes; grows with every change of them

  quad where;
  std::shared_ptr<const event_rows> rows;  // null: it held more than its reader wanted
  std::int64_t sequence = 0;               // exact as of this change, the last of its moment
  runtime::timestamp read{};               // when it was read
};

/// Little-endian, with a checksum over all of it.
std::string encode(const quad_image& image);

/// Takes nothing on trust: errc::corrupt for anything but an image of that format, whole, unchanged and sound (every
/// row lies in the quad). The checksum finds accidents; it is no defence against whoever may write to the store.
result<quad_image> decode_quad_image(std::string_view bytes);

}  // namespace distsys::domain::geo
