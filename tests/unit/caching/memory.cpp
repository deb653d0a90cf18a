// What a map says that it holds against what the heap gave for it.
#include "distsys/caching/bounded_map.hpp"
#include "distsys/runtime/random.hpp"

#include <catch2/catch.hpp>

#include <malloc.h>

#include <memory>
#include <string>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#include <sanitizer/allocator_interface.h>
#define DISTSYS_OTHER_HEAP 1
#endif
#endif

using namespace distsys;
using namespace distsys::caching;

namespace {

using shared_text = std::shared_ptr<const std::string>;

// A sanitizer's heap tells what was asked for: less by the headers and the rounding that ours has.
#ifdef DISTSYS_OTHER_HEAP
constexpr double least = 0.5;
std::size_t heap() { return __sanitizer_get_current_allocated_bytes(); }
#else
constexpr double least = 0.9;
std::size_t heap() {
  const auto m = ::mallinfo2();
  return m.uordblks + m.hblkhd;
}
#endif

// As the heap counts them: the string with its control block, and its text.
std::size_t value_bytes(const std::string& text) {
  return allocated(16 + sizeof(std::string)) + (text.size() > 15 ? allocated(text.size() + 1) : 0);
}

void fill(bounded_map<shared_text>& m, std::size_t entries, std::size_t key_size, std::size_t value_size) {
  runtime::random r(7);
  for (std::size_t i = 0; i < entries; ++i) {
    std::string key = std::to_string(i);
    key.resize(key_size + r.below(key_size), '.');
    auto text = std::make_shared<const std::string>(value_size / 2 + r.below(value_size + 1), 'v');
    const std::size_t bytes = value_bytes(*text);
    m.insert(key, std::move(text), bytes);
  }
}

}  // namespace

TEST_CASE("bytes() is what the heap gave, within a tenth") {
  const auto how = GENERATE(eviction::lru, eviction::lfu, eviction::fifo, eviction::s3_fifo, eviction::w_tinylfu);
  struct shape {
    std::size_t key_size, value_size;
  };
  const auto s = GENERATE(shape{8, 0}, shape{20, 100}, shape{60, 2000});
  INFO(name_of(how) << ", keys of " << s.key_size << ", values of " << s.value_size);
  {
    const std::size_t before = heap();
    bounded_map<shared_text> roomy(1u << 30, how);
    fill(roomy, 20'000, s.key_size, s.value_size);
    const auto grown = static_cast<double>(heap() - before);
    CHECK(roomy.size() == 20'000);
    const auto told = static_cast<double>(roomy.bytes());
    CHECK(grown < told * 1.1);
    CHECK(grown > told * least);
  }
  {
    const std::size_t before = heap();
    constexpr std::size_t limit = 4u << 20;
    bounded_map<shared_text> tight(limit, how);
    fill(tight, 200'000, s.key_size, s.value_size);
    const auto grown = static_cast<double>(heap() - before);
    CHECK(tight.statistics().evictions > 0);
    CHECK(grown < limit * 1.1);
    CHECK(grown > limit * (least - 0.1));  // and the memory is used
  }
}
