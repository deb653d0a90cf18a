// GeoJSON documents: the input as it is, and as the features of a collection.
#include "../invariants.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  distsys::fuzz::check_document(text);
  distsys::fuzz::check_document("{\"type\":\"FeatureCollection\",\"features\":[" + text + "]}");
  return 0;
}
