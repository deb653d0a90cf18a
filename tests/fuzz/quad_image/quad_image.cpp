// What is found in a store that processes share: refused, or an image whose rows all lie in its quad and which is the
// same after another way there and back.
#include "distsys/domain/geo/quad_image.hpp"
#include "src/domain/geo/hash.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

using namespace distsys::domain::geo;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view bytes) {
  const auto image = decode_quad_image(bytes);
  if (!image) return require(image.error() == distsys::errc::corrupt);
  if (image->rows)
    for (const auto& r : image->rows->rows()) {
      require(image->where.contains(r.cell));
      require(image->rows->feature(r).size() == r.feature_size);
      (void)image->rows->kind(r);
      (void)image->rows->source(r);
    }
  // Sorted rows and the names that they use, in the order of their use: from then on it stays as it is.
  const auto same = decode_quad_image(encode(*image));
  require(same && same->where == image->where && same->sequence == image->sequence && same->read == image->read);
  require(!same->rows == !image->rows && (!same->rows || same->rows->size() == image->rows->size()));
  const std::string again = encode(*same);
  const auto third = decode_quad_image(again);
  require(third && encode(*third) == again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  check(bytes);
  // Behind a checksum that fits, which no mutation finds.
  constexpr std::size_t at = 4, behind = 12;
  if (bytes.size() < behind) return 0;
  const std::uint64_t sum = hash64(std::string_view(bytes).substr(behind));
  std::memcpy(bytes.data() + at, &sum, sizeof sum);
  check(bytes);
  return 0;
}
