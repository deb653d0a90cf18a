#include "distsys/foundation/json.hpp"
#include "tests/support/catch.hpp"

#include <limits>

using namespace distsys;

TEST_CASE("what is not exactly one JSON document is refused with its offset", "[json]") {
  CHECK(json::parse("{\"a\":1} \n"));
  const auto truncated = json::parse("{\"a\":[1,2");
  REQUIRE_FALSE(truncated);
  CHECK(truncated.error().detail.find("truncated") != std::string::npos);
  const auto trailing = json::parse("{} x");
  REQUIRE_FALSE(trailing);
  CHECK(trailing.error().detail.find("byte 3") != std::string::npos);
  CHECK_FALSE(json::parse("callback({})"));
  CHECK_FALSE(json::parse(""));
  CHECK_FALSE(json::parse("\"\xff\""));
  CHECK(json::parse(std::string(json::max_depth, '[') + std::string(json::max_depth, ']')));
  CHECK_FALSE(json::parse(std::string(json::max_depth + 1, '[') + std::string(json::max_depth + 1, ']')));
  CHECK(json::parse("[1,2,3]", 4).error() == errc::too_large);
}

TEST_CASE("a number beyond the range of a double is null, so that what is written is JSON", "[json]") {
  const auto read = json::parse(R"({"a":[1e999,-1e999,1.5e308],"b":{"c":9.93e23108}})").value();
  CHECK(read.at("a").at(0).is_null());
  CHECK(read.at("a").at(1).is_null());
  CHECK(read.at("a").at(2) == 1.5e308);
  CHECK(read.at("b").at("c").is_null());
  CHECK(json::parse(boost::json::serialize(read)));
}

TEST_CASE("a byte order mark before a document is ignored, and counted in offsets", "[json]") {
  CHECK(json::parse("\xEF\xBB\xBF{\"a\":1}").value().at("a") == 1);
  CHECK(json::parse("\xEF\xBB\xBF{} x").error().detail.find("byte 6") != std::string::npos);
  CHECK(json::parse("\xEF\xBB\xBF[1").error().detail.find("byte 5") != std::string::npos);
  CHECK_FALSE(json::parse("\xEF\xBB\xBF"));
  CHECK_FALSE(json::parse("\xEF\xBB{}"));
  CHECK_FALSE(json::parse("\xEF\xBB\xBF\xEF\xBB\xBF{}"));
  CHECK_FALSE(json::parse("{}\xEF\xBB\xBF"));
}

TEST_CASE("members are read by type, and anything else is nothing", "[json]") {
  const auto document =
      json::parse(R"({"s":"x","i":3,"d":2.5,"w":4.0,"n":null,"b":true,"big":18446744073709551615})").value();
  const auto& o = document.as_object();
  CHECK(json::get_string(o, "s") == "x");
  CHECK_FALSE(json::get_string(o, "i"));
  CHECK(json::get_integer(o, "i") == 3);
  CHECK(json::get_integer(o, "w") == 4);
  CHECK_FALSE(json::get_integer(o, "d"));
  CHECK_FALSE(json::get_integer(o, "big"));
  CHECK(json::get_number(o, "d") == 2.5);
  CHECK(json::get_bool(o, "b") == true);
  CHECK(json::find(o, "n") == nullptr);
}

TEST_CASE("written strings are valid JSON whatever the bytes", "[json]") {
  std::string bytes;
  for (int c = 0; c < 256; ++c) bytes += static_cast<char>(c);
  for (const std::string& text :
       {bytes, std::string("ñandú 🐦\"\\\n"), std::string("\xED\xA0\x80\xF4\x90\x80\x80\xC0\x80\xE2\x82")}) {
    std::string out;
    json::append_string(out, text);
    CHECK(json::parse(out));
  }
  std::string same;
  json::append_string(same, "ñandú 🐦");
  CHECK(json::parse(same)->as_string() == "ñandú 🐦");
}

TEST_CASE("numbers read back", "[json]") {
  for (const double v : {0.1, -70.669265, 1e300, 5e-324}) {
    std::string out;
    json::append_number(out, v);
    CHECK(json::parse(out)->to_number<double>() == v);
  }
  std::string out;
  json::append_number(out, std::numeric_limits<double>::quiet_NaN());
  CHECK(out == "null");
}
