#include "reply_reader.hpp"

#include "stored_value.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <limits>

using namespace distsys;
using namespace distsys::adapters::redis;

namespace {

constexpr std::size_t plenty = 1u << 20;

/// All replies of `bytes`, fed `step` at a time, as the connection does it.
result<std::vector<reply>> read_by(reply_reader& reader, std::string_view bytes, std::size_t step,
                                   std::size_t max_bytes = plenty) {
  std::vector<reply> replies;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, step);
    bytes.remove_prefix(part.size());
    if (const auto room = reader.room(); !room.empty()) {
      const std::size_t n = std::min(room.size(), part.size());
      std::ranges::copy(part.substr(0, n), room.begin());
      reader.filled(n);
      part.remove_prefix(n);
    }
    for (;;) {
      auto one = reader.next(max_bytes);
      if (!one) return one.error();
      if (*one) {
        replies.push_back(std::move(**one));
        continue;
      }
      if (part.empty()) break;
      const auto used = reader.feed(part, max_bytes);
      if (!used) return used.error();
      part.remove_prefix(*used);
    }
  }
  return replies;
}

result<std::vector<reply>> read(std::string_view bytes, std::size_t step, bool stored = false,
                                std::size_t max_bytes = plenty) {
  reply_reader reader({.elements = 4, .depth = 1}, stored);
  return read_by(reader, bytes, step, max_bytes);
}

std::string bulk(const std::string& text) { return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n"; }

}  // namespace

TEST_CASE("replies are read whole, however their bytes come", "[redis]") {
  const std::string large(100'000, 'x');
  const std::string bytes = "+OK\r\n:-42\r\n" + bulk("a\r\nb") + "$-1\r\n*3\r\n" + bulk("one") + "$-1\r\n:3\r\n" +
                            bulk(large) + "-ERR no\r\n" + bulk(large) + bulk("") + "*0\r\n*-1\r\n";
  for (const std::size_t step : {1u, 2u, 7u, 1000u, 1u << 20}) {
    INFO(step);
    const auto all = read(bytes, step);
    REQUIRE(all);
    REQUIRE(all->size() == 11);
    CHECK((*all)[0].type == reply::kind::status);
    CHECK((*all)[0].text == "OK");
    CHECK((*all)[1].number == -42);
    CHECK((*all)[2].text == "a\r\nb");
    CHECK((*all)[3].type == reply::kind::nil);
    REQUIRE((*all)[4].elements.size() == 3);
    CHECK((*all)[4].elements[0].text == "one");
    CHECK((*all)[4].elements[1].type == reply::kind::nil);
    CHECK((*all)[4].elements[2].number == 3);
    CHECK(((*all)[5].text == large));
    CHECK((*all)[6].type == reply::kind::error);
    CHECK(((*all)[7].text == large));
    CHECK((*all)[8].text.empty());
    CHECK((*all)[9].type == reply::kind::array);
    CHECK((*all)[10].type == reply::kind::nil);
  }
}

TEST_CASE("what is no reply, or too much of one, is refused", "[redis]") {
  const std::string large(100'000, 'x');
  for (const std::string& bytes :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string("$3\r\nabcd\r\n"), std::string("$-2\r\n"),
        std::string("$99999999999999999999\r\n"), std::string(":12a\r\n"), std::string("*5\r\n"),
        std::string("*2147483647\r\n"), std::string("*1\r\n*1\r\n+a\r\n"), "+" + std::string(70'000, 'a'),
        "$" + std::string(70'000, '1'), "$100000\r\n" + large + "xx"}) {
    INFO(bytes.substr(0, 40));
    for (const std::size_t step : {1u, 4096u, 1u << 20}) {
      const auto all = read(bytes, step);
      REQUIRE_FALSE(all);
      CHECK(all.error() == errc::unavailable);
    }
  }
  for (const std::size_t step : {1u, 4096u}) {
    CHECK(read("+" + std::string(60'000, 'a'), step, false, 50'000).error() == errc::too_large);
    CHECK(read("*1\r\n" + bulk(large), step, false, 50'000).error() == errc::too_large);
  }
  CHECK(read("$5000000000\r\nabc" + large, 4096, false, 50'000).error() == errc::too_large);
  CHECK(read(bulk(large), 4096, false, 0).error() == errc::too_large);  // nobody asked
}

TEST_CASE("a value that is too large is stepped over, and the next reply is whole", "[redis]") {
  const std::string large(100'000, 'x');
  for (const std::size_t step : {16u, 4096u, 1u << 20}) {
    INFO(step);
    const auto all = read(bulk(large) + bulk("next") + ":3\r\n", step, true, 50'000);
    REQUIRE(all);
    REQUIRE(all->size() == 3);
    CHECK((*all)[0].type == reply::kind::too_large);
    CHECK((*all)[1].text == "next");
    CHECK((*all)[2].number == 3);
    const auto shifted = read("$100000\r\n" + large + "xx" + bulk("next"), step, true, 50'000);
    REQUIRE_FALSE(shifted);
    CHECK(shifted.error() == errc::unavailable);
  }
}

TEST_CASE("of an array only the element that is too large is left out", "[redis]") {
  for (const std::size_t limit : {10u, 20'000u}) {
    const std::string bytes = "*3\r\n" + bulk("one") + bulk(std::string(limit + 1, 'x')) + bulk("three") + "*2\r\n" +
                              bulk("four") + "$-1\r\n";
    for (const std::size_t step : {1u, 7u, 4096u, 1u << 20}) {
      INFO(limit << ", " << step);
      reply_reader reader({.elements = 4, .depth = 1, .value = limit}, true);
      const auto both = read_by(reader, bytes, step);
      REQUIRE(both);
      REQUIRE(both->size() == 2);
      const auto& all = both->front().elements;
      REQUIRE(all.size() == 3);
      CHECK(all[0].text == "one");
      CHECK(all[1].type == reply::kind::too_large);
      CHECK(all[1].text.empty());
      CHECK(all[2].text == "three");
      CHECK((*both)[1].elements.at(1).type == reply::kind::nil);
      CHECK(reader.idle());
    }
  }
}

TEST_CASE("large values are whole wherever they stand, with their heads or without", "[redis]") {
  std::string bytes, last;
  std::size_t n = 0;
  for (const std::size_t size : {16'383u, 16'384u, 16'385u, 70'000u, 5u, 30'000u})
    for (const bool versioned : {false, true}) {
      last = std::string(size, static_cast<char>('a' + n++));
      bytes += bulk((versioned ? version_head(n) : "") + last);
    }
  bytes += bulk(tombstone(4) + std::string(20'000, 't')) + bulk("\xC1q" + std::string(20'000, 'q')) + "+OK\r\n";
  const std::string array =
      "*3\r\n" + bulk(version_head(1) + std::string(40'000, 'A')) + bulk("small") + bulk(std::string(17'000, 'B'));
  for (const std::size_t step : {1u, 13u, 4096u, 16'384u, 50'000u, 1u << 20}) {
    INFO(step);
    const auto all = read(bytes + array + array + ":1\r\n", step, true);
    REQUIRE(all);
    REQUIRE(all->size() == n + 6);
    for (std::size_t i = 0; i < n; ++i) {
      const std::string& text = (*all)[i].text;
      CHECK(text.find_first_not_of(static_cast<char>('a' + i)) == std::string::npos);
      CHECK((*all)[i].type == reply::kind::bulk);
    }
    CHECK((*all)[0].text.size() == 16'383);
    CHECK((*all)[7].text.size() == 70'000);
    CHECK(((*all)[n - 1].text == last));
    CHECK((*all)[n].type == reply::kind::tombstone);
    CHECK((*all)[n + 1].type == reply::kind::damaged);
    CHECK((*all)[n + 2].type == reply::kind::status);
    for (const std::size_t i : {n + 3, n + 4}) {
      REQUIRE((*all)[i].elements.size() == 3);
      CHECK(((*all)[i].elements[0].text == std::string(40'000, 'A')));
      CHECK((*all)[i].elements[1].text == "small");
      CHECK(((*all)[i].elements[2].text == std::string(17'000, 'B')));
    }
    CHECK((*all)[n + 5].number == 1);
  }
}

TEST_CASE("an array of values holds no array, and not more bytes than its command allows", "[redis]") {
  CHECK(read("*2\r\n*1\r\n+a\r\n+b\r\n", 1, true).error() == errc::unavailable);
  const std::string large = bulk(std::string(40'000, 'x'));
  const auto all = read("*3\r\n" + large + large + bulk("small"), 4096, true, 60'000);
  REQUIRE(all);
  CHECK(all->front().elements[0].type == reply::kind::bulk);
  CHECK(all->front().elements[1].type == reply::kind::too_large);
  CHECK(all->front().elements[2].text == "small");
}

TEST_CASE("stored values are told apart and lose their heads", "[redis]") {
  const std::string large(50'000, 'v');
  const auto all = read(bulk("plain") + bulk(version_head(7) + "seven") + bulk(tombstone(8)) + bulk("\xC1q") +
                            bulk(version_head(9) + large) + bulk("\xC1") + bulk(std::string("\xC1p\xC1")),
                        4096, true);
  REQUIRE(all);
  REQUIRE(all->size() == 7);
  CHECK((*all)[0].text == "plain");
  CHECK((*all)[1].text == "seven");
  CHECK((*all)[2].type == reply::kind::tombstone);
  CHECK((*all)[3].type == reply::kind::damaged);
  CHECK(((*all)[4].text == large));
  CHECK((*all)[5].type == reply::kind::damaged);
  CHECK((*all)[6].text == "\xC1");
}

TEST_CASE("a stored value is what it was, whatever bytes it begins with", "[redis]") {
  for (const std::string& value : {std::string(), std::string("text"), std::string("\xC1"), std::string("\xC1v"),
                                   version_head(3), tombstone(3), std::string("\0\xC1", 2)}) {
    const auto back = decode(std::string(plain_head(value)) + value);
    CHECK(back.kind == stored_kind::value);
  }
  CHECK(version_head(0) < version_head(1));
  CHECK(version_head(9) < version_head(10));
  CHECK(version_head(10) < version_head(std::numeric_limits<std::uint64_t>::max()));
  CHECK(version_head(1).size() == max_head);
}
