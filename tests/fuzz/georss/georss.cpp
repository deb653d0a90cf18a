// georss and grid documents: the input as it is, and wrapped as records so that mutation reaches the codec.
#include "../invariants.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  distsys::fuzz::check_document(text);
  distsys::fuzz::check_document("{\"alerts\":[" + text + "],\"jams\":[" + text + "],\"irregularities\":[" + text +
                                "]}");
  return 0;
}
