#include "roles/cache/upload.hpp"

#include "distsys/domain/geo/event.hpp"
#include "distsys/foundation/json.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>

using namespace distsys;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

const geo::timestamp now{1'744'221'780'000ms};

std::string feature(const std::string& id, const std::string& properties = "", const std::string& at = "[1,2]") {
  return R"({"type":"Feature","id":")" + id + R"(","geometry":{"type":"Point","coordinates":)" + at +
         R"(},"properties":{"kind":"jam")" + (properties.empty() ? "" : "," + properties) + "}}";
}

std::string collection(const std::string& features, const std::string& more = "") {
  return R"({"type":"FeatureCollection",)" + more + R"("features":[)" + features + "]}";
}

upload read(upload_format format, const std::string& body) {
  auto u = read_upload(format, body, "phone", now);
  INFO(body);
  if (!u) FAIL(u.error());
  return std::move(*u);
}

error refusal(upload_format format, const std::string& body) {
  const auto u = read_upload(format, body, "phone", now);
  INFO(body);
  REQUIRE(u.has_error());
  return u.error();
}

}  // namespace

TEST_CASE("a feature, a collection and lines are read alike") {
  const auto one = read(upload_format::geojson, feature("a"));
  const auto many = read(upload_format::geojson, collection(feature("a")));
  const auto lines = read(upload_format::lines, feature("a") + "\r\n\n");
  for (const upload* u : {&one, &many, &lines}) {
    REQUIRE(u->seen.events.size() == 1);
    CHECK(u->seen.events[0].source == "phone");
    CHECK(u->seen.events[0].id == "a");
    CHECK(u->seen.events[0].kind == "jam");
    CHECK(u->seen.observed == now);
    CHECK(u->live == std::vector<std::size_t>{0});
    CHECK(u->rows[0].id == "a");
  }
}

TEST_CASE("a bad row is refused with its reason and harms no other") {
  const auto u = read(
      upload_format::geojson,
      collection(feature("a") + R"(,7,{"type":"Feature"},{"type":"Point","coordinates":[1,2]},)" +
                 feature("b", "", "[1,91]") + "," + feature("c", R"("started":"yesterday")") + "," + feature("d")));
  REQUIRE(u.rows.size() == 7);
  const char* const reasons[] = {"", "wrong_type", "no_id", "wrong_type", "out_of_range", "bad_time", ""};
  for (std::size_t i = 0; i < 7; ++i) {
    CHECK(u.rows[i].number == i);
    CHECK(u.rows[i].reason == reasons[i]);
    CHECK(u.rows[i].verdict == row_verdict::refused);  // until it is stored
  }
  CHECK(u.seen.refused.size() == 5);
  REQUIRE(u.seen.events.size() == 2);
  CHECK(u.live == std::vector<std::size_t>{0, 6});
}

TEST_CASE("of lines the bad ones are named by their number") {
  const auto u = read(upload_format::lines, feature("a") + "\n\n{\"type\":\n" + feature("b") + "\nnull");
  REQUIRE(u.rows.size() == 4);
  CHECK(u.rows[1].number == 2);
  CHECK(u.rows[1].reason == "not_json");
  CHECK(u.rows[2].number == 3);
  CHECK(u.rows[3].number == 4);
  CHECK(u.rows[3].reason == "wrong_type");
  for (const auto& r : u.seen.refused)
    if (r.reason == "not_json") CHECK(r.document.empty());
  CHECK(u.seen.events.size() == 2);
}

TEST_CASE("of rows with one id the later one counts") {
  const auto last = read(upload_format::geojson, collection(feature("a", R"("n":1)") + "," + feature("a", R"("n":2)")));
  REQUIRE(last.seen.events.size() == 1);
  CHECK(last.live == std::vector<std::size_t>{1});
  CHECK(last.rows[0].verdict == row_verdict::older);
  CHECK(last.rows[0].reason == "duplicate");
  const auto updated =
      read(upload_format::geojson, collection(feature("a", R"("updated":"2025-04-09T18:03:00Z")") + "," +
                                              feature("a", R"("updated":"2025-04-09T18:02:00Z")")));
  CHECK(updated.live == std::vector<std::size_t>{0});
  CHECK(updated.rows[1].verdict == row_verdict::older);
}

TEST_CASE("the status deleted ends an event, and the last word counts") {
  const auto u =
      read(upload_format::geojson, collection(feature("a") + "," + feature("a", R"("status":"deleted")") + "," +
                                              feature("b", R"("status":"Deleted")") + "," + feature("b")));
  CHECK(u.ended == std::vector<std::string>{"a"});
  CHECK(u.over == std::vector<std::size_t>{1});
  REQUIRE(u.seen.events.size() == 1);
  CHECK(u.seen.events[0].id == "b");
  CHECK(u.live == std::vector<std::size_t>{3});
}

TEST_CASE("a collection may say when it is from, but not from the future") {
  const auto u = read(upload_format::geojson, collection(feature("a"), R"("metadata":{"generated":1744221000000},)"));
  CHECK(u.seen.observed == geo::timestamp{1'744'221'000'000ms});
  CHECK(refusal(upload_format::geojson, collection("", R"("metadata":{"generated":1844221000000},)")) == errc::invalid);
}

TEST_CASE("a collection from a clock that is a little fast is from now") {
  const auto from = [](std::chrono::milliseconds ahead) {
    return R"("metadata":{"generated":)" + std::to_string((now + ahead).time_since_epoch().count()) + "},";
  };
  CHECK(read(upload_format::geojson, collection(feature("a"), from(4min))).seen.observed == now);
  CHECK(read(upload_format::geojson, collection(feature("a"), from(-4min))).seen.observed == now - 4min);
  CHECK(refusal(upload_format::geojson, collection(feature("a"), from(6min))) == errc::invalid);
}

TEST_CASE("texts of a GeoJSON sequence begin with its separator and may have many lines") {
  std::string broken = feature("b");
  broken.insert(1, "\n  ");
  const auto u = read(upload_format::lines, "\x1e" + feature("a") + "\n\x1e" + broken + "\n\x1e{\n\x1e" + feature("c"));
  REQUIRE(u.rows.size() == 4);
  CHECK(u.rows[1].id == "b");
  CHECK(u.rows[1].number == 1);
  CHECK(u.rows[2].reason == "not_json");
  CHECK(u.live == std::vector<std::size_t>{0, 1, 3});
}

TEST_CASE("a feature that would be stored as more than 64 KiB is a refused row, and harms no other") {
  const std::string fits(30'000, 'x'), too_long(66'000, 'x');
  const auto u =
      read(upload_format::geojson, collection(feature("a", R"("title":")" + fits + '"') + "," +
                                              feature("b", R"("title":")" + too_long + '"') + "," + feature("c")));
  REQUIRE(u.rows.size() == 3);
  CHECK(u.live == std::vector<std::size_t>{0, 2});
  CHECK(u.rows[1].verdict == row_verdict::refused);
  CHECK(u.rows[1].reason == "too_large");
  CHECK(u.rows[1].detail.find("65536") != std::string::npos);
}

TEST_CASE("an event in the form in which it is served is ended by the status, and keeps nothing personal") {
  const auto own = [](const std::string& more) {
    return R"({"type":"Feature","id":"phone/x","geometry":{"type":"Point","coordinates":[1,2]},)"
           R"("properties":{"source":"phone","id":"x","kind":"jam","severity":1)" +
           more + "}}";
  };
  const auto gone =
      read(upload_format::geojson, own(R"(,"status":"deleted","source_properties":{"status":"reviewed"})"));
  CHECK(gone.ended == std::vector<std::string>{"x"});
  CHECK(gone.seen.events.empty());
  const auto kept = read(upload_format::geojson,
                         own(R"(,"source_properties":{"lanes":2,"reportBy":"Jane","more":{"email":"j@x.org"}})"));
  REQUIRE(kept.seen.events.size() == 1);
  const auto text = geo::to_feature(kept.seen.events[0]);
  CHECK(text.find(R"("lanes":2)") != std::string::npos);
  CHECK(text.find("Jane") == std::string::npos);
  CHECK(text.find("j@x.org") == std::string::npos);
}

TEST_CASE("nobody writes another source's events by naming it") {
  const auto u =
      read(upload_format::geojson, R"({"type":"Feature","id":"usgs/x","geometry":{"type":"Point","coordinates":[1,2]},)"
                                   R"("properties":{"source":"usgs","id":"x","kind":"earthquake","severity":1}})");
  REQUIRE(u.seen.events.size() == 1);
  CHECK(u.seen.events[0].source == "phone");
}

TEST_CASE("what is no document is refused as a whole") {
  CHECK(refusal(upload_format::geojson, "") == errc::invalid);
  CHECK(refusal(upload_format::geojson, "{") == errc::invalid);
  CHECK(refusal(upload_format::geojson, "[]") == errc::invalid);
  CHECK(refusal(upload_format::geojson, R"({"type":"FeatureCollection"})") == errc::invalid);
  CHECK(refusal(upload_format::lines, "\n \n") == errc::invalid);
  std::string many;
  for (std::size_t i = 0; i <= max_upload_rows; ++i) many += "1\n";
  CHECK(refusal(upload_format::lines, many) == errc::too_large);
  for (char& c : many)
    if (c == '\n') c = ',';
  many.pop_back();
  CHECK(refusal(upload_format::geojson, collection(many)) == errc::too_large);
}

TEST_CASE("verdicts are counted and told in order") {
  std::vector<upload_row> rows(3);
  rows[0] = {0, "a\"b", row_verdict::added, "", ""};
  rows[1] = {1, "", row_verdict::refused, "no_id", "the feature has no id"};
  rows[2] = {2, "c", row_verdict::added, "", ""};
  const auto v = json::parse(verdicts_json(rows));
  REQUIRE(v.has_value());
  const auto& o = v->get_object();
  CHECK(json::get_integer(o, "added") == 2);
  CHECK(json::get_integer(o, "refused") == 1);
  CHECK(json::get_integer(o, "ended") == 0);
  const auto& told = o.at("rows").get_array();
  REQUIRE(told.size() == 3);
  CHECK(json::get_string(told[0].get_object(), "id") == "a\"b");
  CHECK(json::get_string(told[1].get_object(), "reason") == "no_id");
  CHECK(told[1].get_object().find("id") == told[1].get_object().end());
}
