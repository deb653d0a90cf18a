// Streamed answers: event by event, slow readers, drain.
#include "server_routes.hpp"

#include <algorithm>

using namespace distsys;
using namespace distsys::net;
using namespace distsys::net::test;
using namespace std::chrono_literals;

TEST_CASE("a stream reaches its client event by event and ends with it") {
  const auto log = std::make_shared<stream_log>();
  router r = routes();
  r.get("/stream", streaming(log));
  server_fixture server(std::move(r));
  {
    raw_client c(server.port());
    c.send(get("/stream"));
    const std::string head = c.read_head();
    CHECK(head.find("Content-Type: text/event-stream\r\n") != std::string::npos);
    CHECK(c.read_chunk() == "data: 0\n\n");
    CHECK(c.read_chunk() == "data: 1\n\n");
    CHECK(log->ended == 0);
  }
  eventually([&] { return log->ended == 1; });  // the client went away; nothing was written to notice it by
  raw_client head(server.port());
  head.send("HEAD /stream HTTP/1.1\r\nHost: t\r\n\r\n" + get("/target?x"));
  CHECK(head.read_answer(true).status == 200);
  CHECK(head.read_answer().body == "x");
}

TEST_CASE("a stream's slow reader is dropped after the write deadline") {
  const auto log = std::make_shared<stream_log>();
  log->flood = true;
  router r;
  r.get("/stream", streaming(log));
  server_fixture server(std::move(r), quick());
  raw_client c(server.port(), 4096);
  c.send(get("/stream"));
  eventually([&] { return log->ended == 1; });
  CHECK(log->last == static_cast<int>(errc::timeout));
}

TEST_CASE("drain ends streams whole and closes idle connections") {
  const auto log = std::make_shared<stream_log>();
  router r = routes();
  r.get("/stream", streaming(log));
  server_fixture server(std::move(r));
  raw_client c(server.port()), idle(server.port());
  c.send(get("/stream"));
  c.read_head();
  c.read_chunk();
  c.read_chunk();
  auto drained = server.drain(5s);
  CHECK(c.read_chunk().empty());  // the last chunk: the body is complete
  CHECK(c.read_to_end().empty());
  CHECK(idle.read_to_end().empty());
  c.close();
  idle.close();
  CHECK(drained.get());
  CHECK(log->ended == 1);
}
