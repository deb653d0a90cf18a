#include "src/net/http_answer_parser.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace distsys::net {
namespace {

using step = http_answer_parser::step;

struct parsed {
  step state = step::need_more;
  int status = 0;
  std::string body;
  bool keep_alive = false;
  std::size_t used = 0;
};

/// Feeds `input` in pieces of `piece` bytes, as a connection does, and then the end of input.
parsed parse_in_pieces(std::string_view input, std::size_t piece, bool to_head = false, bool keep = true) {
  http_answer_parser p;
  p.start(to_head, keep);
  parsed out;
  std::size_t base = 0, given = 0, at = 0;
  bool in_body = false;
  for (;;) {
    while (!in_body) {
      out.state = p.parse_head(input.substr(base, given - base));
      if (out.state != step::complete) break;
      base += p.head_bytes();
      at = base;
      in_body = !p.interim();
      if (p.interim()) p.start_again();
    }
    if (in_body) {
      const auto [s, n] = p.parse_body(input.substr(at, given - at));
      at += n;
      out.state = s;
    }
    if (out.state != step::need_more) break;
    if (given == input.size()) {
      if (in_body) out.state = p.end_of_input();
      break;
    }
    given = std::min(input.size(), given + piece);
  }
  out.status = p.status();
  out.body = p.kept_body();
  out.keep_alive = p.keep_alive();
  out.used = at;
  return out;
}

/// The same, whatever the pieces.
parsed parse(std::string_view input, bool to_head = false) {
  const parsed whole = parse_in_pieces(input, input.size(), to_head);
  for (const std::size_t piece : {1, 2, 3, 7}) {
    const parsed cut = parse_in_pieces(input, piece, to_head);
    CHECK(cut.state == whole.state);
    CHECK(cut.status == whole.status);
    CHECK(cut.body == whole.body);
    CHECK(cut.keep_alive == whole.keep_alive);
  }
  return whole;
}

TEST_CASE("an answer with a Content-Length ends there") {
  const auto a = parse("HTTP/1.1 200 OK\r\ncontent-LENGTH: 5 \r\nX: y\r\n\r\nhelloHTTP/1.1 ");
  CHECK(a.state == step::complete);
  CHECK(a.status == 200);
  CHECK(a.body == "hello");
  CHECK(a.keep_alive);
  CHECK(a.used == std::string_view("HTTP/1.1 200 OK\r\ncontent-LENGTH: 5 \r\nX: y\r\n\r\nhello").size());
}

TEST_CASE("a chunked answer ends behind its trailers") {
  const auto a = parse(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
      "5\r\nhello\r\nA ;ext=\"x\"\r\n, world 12\r\n000\r\nExpires: never\r\nA: b\r\n\r\n");
  CHECK(a.state == step::complete);
  CHECK(a.body == "hello, world 12");
  CHECK(a.keep_alive);
}

TEST_CASE("an answer without framing ends with the connection") {
  const auto a = parse("HTTP/1.1 200 OK\r\n\r\nall there is");
  CHECK(a.state == step::complete);
  CHECK(a.body == "all there is");
  CHECK_FALSE(a.keep_alive);
  const auto b = parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nbytes");
  CHECK(b.state == step::complete);
  CHECK_FALSE(b.keep_alive);
}

TEST_CASE("answers that have no body by rule") {
  CHECK(parse("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", true).state == step::complete);
  CHECK(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true).state == step::complete);
  CHECK(parse("HTTP/1.1 204 No Content\r\n\r\n").state == step::complete);
  CHECK(parse("HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n").state == step::complete);
}

TEST_CASE("interim answers are passed over") {
  const auto a = parse(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
      "HTTP/1.1 201\r\nContent-Length: 2\r\n\r\nok");
  CHECK(a.state == step::complete);
  CHECK(a.status == 201);
  CHECK(a.body == "ok");
}

TEST_CASE("who keeps the connection") {
  CHECK_FALSE(parse("HTTP/1.1 204 N\r\nConnection: Upgrade , CLOSE\r\n\r\n").keep_alive);
  CHECK_FALSE(parse("HTTP/1.0 204 N\r\n\r\n").keep_alive);
  CHECK(parse("HTTP/1.0 204 N\r\nConnection: keep-alive\r\n\r\n").keep_alive);
  CHECK_FALSE(parse("HTTP/1.1 204 N\r\nConnection: keep-alive, close\r\n\r\n").keep_alive);
}

TEST_CASE("cut answers need more") {
  for (const char* text :
       {"", "HTTP/1.", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"}) {
    INFO(text);
    CHECK(parse(text).state == step::need_more);
  }
}

TEST_CASE("what is not HTTP is refused") {
  const std::string ok = "HTTP/1.1 200 OK\r\n", chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
  const std::vector<std::string> bad = {"SSH-2.0-OpenSSH_9.2\r\n",
                                        "\r\nHTTP/1.1 200 OK\r\n\r\n",
                                        "HTTP/2 200\r\n\r\n",
                                        "HTTP/1.1 20 OK\r\n\r\n",
                                        "HTTP/1.1 2000 OK\r\n\r\n",
                                        "HTTP/1.1 099 OK\r\n\r\n",
                                        "HTTP/1.1 abc OK\r\n\r\n",
                                        "HTTP/1.1 101 Go\r\n\r\n",
                                        ok + "no colon\r\n\r\n",
                                        ok + ": no name\r\n\r\n",
                                        ok + "Space : x\r\n\r\n",
                                        ok + "Content-Length: -1\r\n\r\n",
                                        ok + "Content-Length:\r\n\r\n",
                                        ok + "Content-Length: 1,1\r\n\r\n",
                                        ok + "Content-Length: 0x10\r\n\r\n",
                                        ok + "Content-Length: 99999999999999999999\r\n\r\n",
                                        ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
                                        ok + "Content-Length: 1\r\n 2\r\n\r\n",
                                        ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                                        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                                        ok + std::string("X: a\0b\r\n\r\n", 10),
                                        chunked + "\r\n",
                                        chunked + "g\r\n",
                                        chunked + "5\nhello\r\n",
                                        chunked + "5\r\nhello!\r\n",
                                        chunked + "1ffffffffffffffffff\r\n",
                                        chunked + "-1\r\n",
                                        chunked + "5;a\nhello\r\n",
                                        chunked + "0\r\n\rX"};
  for (const auto& text : bad) {
    INFO(text);
    CHECK(parse(text).state == step::corrupt);
  }
}

TEST_CASE("equal Content-Lengths are one") {
  CHECK(parse("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx").state == step::complete);
}

TEST_CASE("limits") {
  const std::string big(70'000, 'x');
  CHECK(parse_in_pieces("HTTP/1.1 200 OK\r\nX: " + big + "\r\n\r\n", 4096).state == step::too_large);
  CHECK(parse_in_pieces("HTTP/1.1 200 OK\r\nX: " + big, 4096).state == step::too_large);
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(parse_in_pieces(chunked + "1;" + big, 4096).state == step::too_large);
  CHECK(parse_in_pieces(chunked + "0\r\nX: " + big, 4096).state == step::too_large);
  CHECK(parse_in_pieces("HTTP/1.1 200 OK\r\nContent-Length: 67108865\r\n\r\n", 4096).state == step::too_large);
  CHECK(parse_in_pieces("HTTP/1.1 200 OK\r\nContent-Length: 67108865\r\n\r\n", 4096, false, false).state ==
        step::need_more);
}

}  // namespace
}  // namespace distsys::net
