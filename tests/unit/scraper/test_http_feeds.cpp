#include "roles/scraper/source_http.hpp"

#include "src/adapters/curl/curl_http_client.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/loops.hpp"
#include "tests/support/scripted_server.hpp"

#include <atomic>

using namespace distsys::roles::scraper;
using namespace std::chrono_literals;
using namespace distsys;
using distsys::tests::http_ok;
using distsys::tests::scripted_reply;
using distsys::tests::scripted_server;

namespace {

std::string path_of(const std::string& request) {
  const auto from = request.find(' ') + 1;
  return request.substr(from, request.find(' ', from) - from);
}

struct fixture {
  tests::running_loops loops;
  std::shared_ptr<ports::http_client> client =
      std::make_shared<adapters::curl::curl_http_client>("http", loops.get(), adapters::curl::client_settings{});
  visit_options visits{.user_agent = "distsys/test (+me)", .timeout = 5s, .allow_private_addresses = true};

  ~fixture() { loops.run(close(client)); }
  static awaitable<int> close(std::shared_ptr<ports::http_client> c) {
    co_await c->close();
    co_return 0;
  }
  std::vector<std::unique_ptr<feed>> feeds(const std::string& address, const std::vector<std::string>& areas = {},
                                           const std::vector<source_header>& headers = {}) {
    std::vector<watched_area> where;
    where.reserve(areas.size());
    for (const auto& text : areas) where.push_back(parse_area(text).value());
    return make_http_feeds(url::parse(address).value(), where, headers, std::make_shared<site_visitor>(client, visits))
        .value();
  }
  poll_result ask(feed& f) {
    auto p = loops.run(f.ask());
    f.released();
    return p;
  }
};

awaitable<void> ask_and_fail(feed& f, std::atomic<int>& failed) {
  const auto p = co_await f.ask();
  failed += p.failed && p.whole_site ? 1 : 0;
  f.released();
}

awaitable<int> wait_for(runtime::task_group& group) {
  co_await group.wait();
  co_return 0;
}

}  // namespace

TEST_CASE_METHOD(fixture, "an unchanged answer is not fetched again, and only a stored one counts as known") {
  const scripted_server server([](const std::string& request) {
    if (path_of(request) == "/robots.txt") return scripted_reply{"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", true};
    if (request.find("If-None-Match: \"v1\"") != std::string::npos) {
      return scripted_reply{"HTTP/1.1 304 Same\r\n\r\n", true};
    }
    return scripted_reply{http_ok("{}", "ETag: \"v1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), true};
  });
  const auto all = feeds("geojson+" + server.url("/feed.json?k=1"), {}, {{"127.0.0.1", "X-Key", "k3y"}});
  REQUIRE(all.size() == 1);
  auto& f = *all[0];
  CHECK(ask(f).said->document == "{}");
  CHECK(ask(f).said);  // the first was not stored
  f.stored();
  const auto same = ask(f);
  CHECK_FALSE(same.said);
  CHECK_FALSE(same.failed);
  const auto requests = server.requests();
  REQUIRE(requests.size() == 4);
  CHECK(path_of(requests[0]) == "/robots.txt");
  CHECK(path_of(requests[1]) == "/feed.json?k=1");
  CHECK(requests[0].find("k3y") == std::string::npos);
  CHECK(requests[1].find("X-Key: k3y\r\n") != std::string::npos);
  CHECK(requests[1].find("User-Agent: distsys/test (+me)\r\n") != std::string::npos);
  CHECK(requests[2].find("If-None-Match") == std::string::npos);
  CHECK(requests[3].find("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT") != std::string::npos);
}

TEST_CASE_METHOD(fixture, "failures say how long to wait") {
  std::atomic<int> status{503};
  const scripted_server server([&status](const std::string& request) {
    if (path_of(request) == "/robots.txt") return scripted_reply{http_ok("")};
    return scripted_reply{"HTTP/1.1 " + std::to_string(status) + " No\r\nRetry-After: 90\r\nContent-Length: 0\r\n\r\n"};
  });
  const auto all = feeds("georss+" + server.url("/x?secret=1"));
  const auto busy = ask(*all[0]);
  REQUIRE(busy.failed);
  CHECK(busy.failed->code == errc::unavailable);
  CHECK(busy.failed->detail.find("secret") == std::string::npos);
  CHECK(busy.wait_at_least == 90s);
  CHECK(busy.whole_site);
  status = 404;
  const auto wrong = ask(*feeds("georss+" + server.url("/x?secret=1"))[0]);
  CHECK(wrong.failed->code == errc::invalid);
  CHECK_FALSE(wrong.whole_site);
}

TEST_CASE_METHOD(fixture, "a site that asks to be left alone is not asked by other questions either") {
  const scripted_server server([](const std::string& request) {
    if (path_of(request) == "/robots.txt") return scripted_reply{http_ok("")};
    return scripted_reply{"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 90\r\nContent-Length: 0\r\n\r\n"};
  });
  const auto all = feeds("georss+" + server.url("/x"), {"-71/-34/-70/-33", "-72/-34/-71/-33"});
  REQUIRE(all.size() == 2);
  CHECK(ask(*all[0]).whole_site);
  const auto other = ask(*all[1]);
  REQUIRE(other.failed);
  CHECK(other.failed->code == errc::unavailable);
  CHECK(other.failed->detail.find("asked to be left alone for ") != std::string::npos);
  CHECK(other.whole_site);
  CHECK(other.wait_at_least > 60s);
  CHECK(other.wait_at_least <= 90s);
  CHECK(server.requests().size() == 2);  // robots.txt, and one question
}

TEST_CASE_METHOD(fixture, "a pause that is told while questions wait for robots.txt holds for them, too") {
  const scripted_server server([](const std::string&) {
    return scripted_reply{"HTTP/1.1 503 No\r\nRetry-After: 90\r\nContent-Length: 0\r\n\r\n"};
  });
  const auto all = feeds("georss+" + server.url("/x"), {"-71/-34/-70/-33", "-72/-34/-71/-33"});
  runtime::task_group group;
  std::atomic<int> failed{0};
  for (const auto& f : all) group.spawn(loops.get().loop(0), ask_and_fail(*f, failed));
  loops.run(wait_for(group));
  CHECK(failed == 2);
  CHECK(server.requests().size() == 1);  // robots.txt
}

TEST_CASE_METHOD(fixture, "a host is left alone whatever the port") {
  const auto busy = [](const std::string& request) {
    if (path_of(request) == "/robots.txt") return scripted_reply{http_ok("")};
    return scripted_reply{"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 90\r\nContent-Length: 0\r\n\r\n"};
  };
  const scripted_server one(busy), other(busy);
  const auto visitor = std::make_shared<site_visitor>(client, visits);
  for (const scripted_server* server : {&one, &other}) {
    auto made = make_http_feeds(url::parse("geojson+" + server->url("/x")).value(), {}, {}, visitor).value();
    CHECK(ask(*made[0]).whole_site);
  }
  CHECK(one.requests().size() == 2);
  CHECK(other.requests().empty());
}

TEST_CASE_METHOD(fixture, "robots.txt is fetched once a site, and heeded") {
  std::string rules = "User-agent: *\nDisallow: /private\n";
  int robots_status = 200;
  const scripted_server server([&](const std::string& request) {
    if (path_of(request) != "/robots.txt") return scripted_reply{http_ok("{}")};
    if (robots_status == 200) return scripted_reply{http_ok(rules)};
    return scripted_reply{"HTTP/1.1 " + std::to_string(robots_status) + " No\r\nContent-Length: 0\r\n\r\n"};
  });
  const auto visitor = std::make_shared<site_visitor>(client, visits);
  const auto one = [&](const std::string& path) {
    auto made = make_http_feeds(url::parse("geojson+" + server.url(path)).value(), {}, {}, visitor).value();
    return ask(*made[0]);
  };
  const auto forbidden = one("/private/feed");
  REQUIRE(forbidden.failed);
  CHECK(forbidden.failed->code == errc::permission_denied);
  CHECK(one("/public").said);
  CHECK(one("/public").said);
  CHECK(server.requests().size() == 3);

  robots_status = 500;
  const auto other = std::make_shared<site_visitor>(client, visits);
  auto made = make_http_feeds(url::parse("geojson+" + server.url("/public")).value(), {}, {}, other).value();
  CHECK(ask(*made[0]).failed->code == errc::unavailable);
  robots_status = 404;
  CHECK(ask(*made[0]).said);

  visits.heed_robots = false;
  rules = "User-agent: *\nDisallow: /\n";
  robots_status = 200;
  CHECK(ask(*feeds("geojson+" + server.url("/public"))[0]).said);
}

TEST_CASE_METHOD(fixture, "areas become questions") {
  const scripted_server server([](const std::string&) { return scripted_reply{http_ok("{}")}; });
  visits.heed_robots = false;
  const std::string endpoint = server.url("/query");
  const auto usgs = feeds("usgs:?min_magnitude=2.5&hours=48&endpoint=" + percent_encode(endpoint),
                          {"-33.45/-70.66/300km", "170/-20/-170/20"});
  REQUIRE(usgs.size() == 3);  // the box crosses the antimeridian
  for (const auto& f : usgs) CHECK(ask(*f).said->source == "usgs");
  const auto live = feeds("georss+" + server.url("/georss?env=row"), {"-71/-33.6/-70.4/-33.3"});
  REQUIRE(live.size() == 1);
  CHECK(ask(*live[0]).said->source == "waze");
  const auto named = feeds("geojson+" + server.url("/f") + "#my-feed", {"santiago"});
  CHECK(named[0]->name() == "my-feed");
  CHECK(ask(*named[0]).said->only.size() == 1);

  const auto r = server.requests();
  REQUIRE(r.size() == 5);
  CHECK(path_of(r[0]).find("format=geojson") != std::string::npos);
  CHECK(path_of(r[0]).find("&minmagnitude=2.5&latitude=-33.45&longitude=-70.66&maxradiuskm=300") != std::string::npos);
  CHECK(path_of(r[1]).find("&minlatitude=-20&maxlatitude=20&minlongitude=170&maxlongitude=180") != std::string::npos);
  CHECK(path_of(r[2]).find("&minlongitude=-180&maxlongitude=-170") != std::string::npos);
  CHECK(path_of(r[3]) == "/georss?env=row&top=-33.3&bottom=-33.6&left=-71&right=-70.4");
  CHECK(path_of(r[4]) == "/f");
}

TEST_CASE_METHOD(fixture, "private addresses are refused unless allowed") {
  const scripted_server server([](const std::string&) { return scripted_reply{http_ok("{}")}; });
  visits.allow_private_addresses = false;
  CHECK(ask(*feeds("geojson+" + server.url("/f"))[0]).failed->code == errc::permission_denied);
  CHECK(server.connections() == 0);
}

namespace {

awaitable<void> ask_and_hold(feed& f, std::shared_ptr<std::atomic<int>> in, std::shared_ptr<std::atomic<int>> most) {
  const auto p = co_await f.ask();
  CHECK(p.said);
  most->store(std::max(most->load(), ++*in));
  co_await runtime::sleep_for(5ms);
  --*in;
  f.released();
}

awaitable<int> ask_together(std::vector<std::unique_ptr<feed>>& all, executor loop,
                            std::shared_ptr<std::atomic<int>> most) {
  runtime::task_group group;
  const auto in = std::make_shared<std::atomic<int>>(0);
  for (auto& f : all) group.spawn(loop, ask_and_hold(*f, in, most));
  co_await group.wait();
  co_return most->load();
}

}  // namespace

TEST_CASE_METHOD(fixture, "at most so many answers of one host are in flight") {
  const scripted_server server([](const std::string&) { return scripted_reply{http_ok("{}"), true}; });
  visits.heed_robots = false;
  visits.in_flight = 3;
  std::vector<std::string> areas;
  areas.reserve(20);
  for (int i = 0; i < 20; ++i) areas.push_back("0/" + std::to_string(i) + "/1");
  auto all = feeds("georss+" + server.url("/g"), areas);
  REQUIRE(all.size() == 20);
  CHECK(loops.run(ask_together(all, loops.get().loop(0), std::make_shared<std::atomic<int>>(0))) == 3);
  CHECK(server.requests().size() == 20);
}

TEST_CASE("headers for a source are read without telling the secret") {
  const auto h = parse_source_header("waze: X-Api-Key: a:b c").value();
  CHECK(h.source == "waze");
  CHECK(h.name == "X-Api-Key");
  CHECK(h.value == "a:b c");
  const auto v6 = parse_source_header("[::1]: X: v").value();
  CHECK(v6.source == "::1");
  CHECK(v6.name == "X");
  for (const char* text :
       {"", "s3cret", "X: s3cret", ": X: s3cret", "https://h/x: X: s3cret", "h:80: X: s3cret", "[::1: X: s3cret"}) {
    const auto wrong = parse_source_header(text);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().detail.find("s3cret") == std::string::npos);
  }
}

TEST_CASE_METHOD(fixture, "a feed without a name is named by its host and what is asked there, the same everywhere") {
  const auto name = [&](const std::string& address) { return feeds(address)[0]->name(); };
  const auto a = name("geojson+http://Example.org:7301/A?x=1");
  CHECK(a == name("geojson+https://example.org/A?x=1"));
  CHECK(a.size() == std::string("example.org-01234567").size());
  CHECK(a.starts_with("example.org-"));
  CHECK(a != name("geojson+http://example.org/B?x=1"));
  CHECK(a != name("geojson+http://example.org/A?x=2"));
  CHECK(a != name("geojson+http://localhost/A?x=1"));
  CHECK(name("geojson+http://h/A?api_key=one") == name("geojson+http://h/A?api_key=two"));
  CHECK(name("geojson+http://[::1]/A").starts_with("__1-"));
  CHECK(name("geojson+http://h") == name("geojson+http://h/"));
  CHECK(name("geojson+http://h?a=1") != name("geojson+http://h?a=2"));
  CHECK(name("geojson+http://h#x") == "x");

  const scripted_server server([](const std::string&) { return scripted_reply{http_ok("{}")}; });
  const auto one = feeds("geojson+" + server.url("/f"));
  CHECK(ask(*one[0]).said->source == one[0]->name());
}

TEST_CASE_METHOD(fixture, "feeds of different worlds have different names, and each header has a feed") {
  const auto check = [&](const std::vector<std::string>& addresses, const std::vector<source_header>& headers = {}) {
    std::vector<std::unique_ptr<feed>> all;
    for (const auto& address : addresses)
      for (auto& f : feeds(address, {"1/1/5", "2/2/5"}, headers)) all.push_back(std::move(f));
    const auto ok = check_feeds(all, headers);
    if (!ok) CHECK(ok.error().code == errc::invalid);
    return ok ? std::string() : ok.error().detail;
  };
  CHECK(check({"geojson+http://h/A", "geojson+http://h/B", "georss+http://h/", "georss+http://g/", "usgs:"}).empty());
  CHECK(check({"georss+http://h/#x", "georss+http://g/#x"}).empty());
  CHECK(
      check({"geojson+http://h/A#x", "geojson+http://h/B?token=s3cret#x"}) ==
      "the sources geojson+http://h/A and geojson+http://h/B?token=*** are both named 'x': name one by a #NAME at its "
      "end");
  CHECK_FALSE(check({"geojson+http://h/A", "geojson+http://h/A"}).empty());
  CHECK_FALSE(check({"usgs:", "geojson+http://h/A#usgs"}).empty());
  CHECK_FALSE(check({"georss+http://h/", "geojson+http://h/A#waze"}).empty());

  CHECK(
      check({"georss+http://h/#x", "usgs:"}, {{"x", "K", "s3cret"}, {"H", "K", "s3cret"}, {"usgs", "K", "v"}}).empty());
  CHECK(check({"georss+http://h/#x", "usgs:"}, {{"y", "K", "s3cret"}}) ==
        "a header is for 'y', which is no source that takes one (earthquake.usgs.gov, h, usgs, x)");
}

TEST_CASE_METHOD(fixture, "wrong sources are refused with their reason") {
  const auto visitor = std::make_shared<site_visitor>(client, visits);
  for (const char* text :
       {"usgs:?hours=0", "usgs:?min_magnitude=x", "usgs:?x=1", "usgs:here", "usgs:?endpoint=file%3A%2F%2F%2Fx",
        "geojson+https:", "georss+http://", "geojson+https://h/x#Two Words"}) {
    INFO(text);
    const auto address = url::parse(text);
    if (!address) continue;
    const auto made = make_http_feeds(*address, {}, {}, visitor);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == errc::invalid);
  }
}
