// Requests whose framing two readers could understand differently: each is answered with an error, the connection is
// closed, and what follows on it is never served.
#include "server_fixture.hpp"

#include <catch2/catch.hpp>

#include <atomic>

using namespace distsys;
using namespace distsys::net;
using namespace distsys::net::test;

namespace {

std::atomic<int> smuggled{0};

awaitable<http_response> echo(http_request& r) { co_return http_response::text(std::string(r.body)); }
awaitable<http_response> never(http_request& /*r*/) {
  ++smuggled;
  co_return http_response::text("served");
}

struct attack {
  std::string name, bytes;
  int status = 400;
};

std::string shown(std::string_view bytes) {
  std::string out;
  for (const char c : bytes.substr(0, 60)) {
    if (c == '\r' || c == '\n')
      out += c == '\r' ? "\\r" : "\\n";
    else
      out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return out;
}

void with_field(std::vector<attack>& to, std::string_view field, int status = 400) {
  to.push_back(
      {"field " + shown(field), "POST /echo HTTP/1.1\r\nHost: test\r\n" + std::string(field) + "\r\n\r\n", status});
}

void transfer_encodings(std::vector<attack>& to) {
  for (const char* te : {"chunked", "Chunked", "gzip, chunked", "chunked, chunked", "identity"})
    for (const char* first : {"Content-Length: 4\r\nTransfer-Encoding: ", "Content-Length: 0\r\nTransfer-Encoding: "})
      with_field(to, std::string(first) + te, std::string_view(te) == "gzip, chunked" ? 501 : 400);
  with_field(to, "Transfer-Encoding: chunked\r\nContent-Length: 4");
  for (const char* te : {"chunked, gzip",
                         "gzip",
                         "identity",
                         "chunked, identity",
                         "chunked, chunked",
                         "chunked,chunked",
                         "xchunked",
                         "chunkedx",
                         "chunked;q=1",
                         "\"chunked\"",
                         "chunked ,gzip",
                         "",
                         ",",
                         "chunked,",
                         "c hunked",
                         "'chunked'",
                         "[chunked]",
                         "chunked\tgzip",
                         "0",
                         "cow"})
    with_field(to, "Transfer-Encoding: " + std::string(te));
  for (const char* te : {"gzip, chunked", "deflate, chunked", "identity, chunked", ",chunked"})
    with_field(to, "Transfer-Encoding: " + std::string(te), 501);
  for (const char* second : {"chunked", "identity", "gzip", "cow", ""})
    with_field(to, "Transfer-Encoding: chunked\r\nTransfer-Encoding: " + std::string(second));
  with_field(to, "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked");
  for (const char* name :
       {"Transfer-Encoding ", "Transfer-Encoding\t", " Transfer-Encoding", "\tTransfer-Encoding", "Transfer Encoding",
        "Transfer-Encoding\x0b", "Transfer-Encoding\x7f", "\x01Transfer-Encoding"})
    with_field(to, std::string(name) + ": chunked");
  with_field(to,
             "Transfer-Encoding:\x0b"
             "chunked");
  with_field(to, "Transfer-Encoding: chunked\x0b");
  with_field(to, "Transfer-Encoding:\r\n chunked");
  with_field(to, "Transfer-Encoding: chunk\r\n ed");
  with_field(to, "X: y\r\n Transfer-Encoding: chunked");
  with_field(to, "X: y\rTransfer-Encoding: chunked");
  with_field(to, "X: y\nTransfer-Encoding: chunked");
  to.push_back(
      {"chunked in HTTP/1.0",
       "POST /echo HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"});
  to.push_back(
      {"chunked in HTTP/1.0 without Host", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"});
}

void content_lengths(std::vector<attack>& to) {
  for (const char* length : {"",
                             "+4",
                             "-4",
                             "-0",
                             "4,4",
                             "4, 4",
                             "4 4",
                             "0x4",
                             "4.0",
                             "4e0",
                             "four",
                             "4;",
                             "\"4\"",
                             "4\x0b",
                             "\x0b"
                             "4",
                             "٤",
                             "18446744073709551616",
                             "99999999999999999999999",
                             "0004-",
                             "4\t4",
                             "4 \t5",
                             "١",
                             "4,",
                             ",4",
                             "0,0",
                             "1_0"})
    with_field(to, "Content-Length: " + std::string(length));
  for (const char* two : {"Content-Length: 4\r\nContent-Length: 4", "Content-Length: 0\r\nContent-Length: 4",
                          "Content-Length: 4\r\ncontent-length: 4", "Content-Length: 0\r\nX: y\r\nContent-Length: 0",
                          "Content-Length: 4\r\nContent-Length:", "Content-Length:\r\nContent-Length: 4"})
    with_field(to, two);
  for (const char* name :
       {"Content-Length ", "Content-Length\t", " Content-Length", "Content Length", "Content-Length\x0c"})
    with_field(to, std::string(name) + ": 4");
  with_field(to, "Content-Length: 1\r\n 0");
  with_field(to, "Content-Length:\r\n 4");
}

void fields(std::vector<attack>& to) {
  for (int c = 0; c < 0x21; ++c) {
    if (c == '\t' || c == '\r' || c == '\n' || c == ' ') continue;
    with_field(to, std::string("X: a") + static_cast<char>(c) + "b");
    with_field(to, std::string("X") + static_cast<char>(c) + "Y: a");
  }
  with_field(to,
             "X: a\x7f"
             "b");
  for (const char c : std::string("()<>@,;\\\"/[]?={}\x80\xff")) with_field(to, std::string("X") + c + "Y: a");
  for (const char* line : {"no colon", ": no name", "X : y", "X\t: y", " X: y", "\tX: y", "X: y\r\n z", "X: y\r\n\tz",
                           "X: y\n", "X: y\r", "\nX: y", "X: y\r\r", "X:\n y"})
    with_field(to, line);
}

void request_lines(std::vector<attack>& to) {
  const auto line = [&](std::string_view l, int status = 400) {
    to.push_back({"line " + shown(l), std::string(l) + "\r\nHost: test\r\n\r\n", status});
  };
  for (const char* l : {"GET",
                        "GET ",
                        "GET /echo",
                        "GET /echo ",
                        "GET  /echo HTTP/1.1",
                        "GET /echo  HTTP/1.1",
                        " GET /echo HTTP/1.1",
                        "\tGET /echo HTTP/1.1",
                        "GET\t/echo HTTP/1.1",
                        "GET /echo\tHTTP/1.1",
                        "GET /echo HTTP/1.1 ",
                        "GET /echo HTTP/1.1\t",
                        "GET /echo HTTP",
                        "GET /echo HTTP/",
                        "GET /echo HTTP/1",
                        "GET /echo HTTP/1.",
                        "GET /echo HTTP/11",
                        "GET /echo HTTP/1.10",
                        "GET /echo HTTP/01.1",
                        "GET /echo http/1.1",
                        "GET /echo HTTP/a.b",
                        "GET /echo HTTP /1.1",
                        "GET /ec ho HTTP/1.1",
                        "G(T /echo HTTP/1.1",
                        "G\"T /echo HTTP/1.1",
                        "GET echo HTTP/1.1",
                        "GET echo:80 HTTP/1.1",
                        "GET * HTTP/1.1",
                        "GET /echo#x HTTP/1.1",
                        "GET ftp://test/echo HTTP/1.1",
                        "GET http:// HTTP/1.1",
                        "GET http://a b/ HTTP/1.1",
                        "GET http://a@b/ HTTP/1.1",
                        "CONNECT test:80 HTTP/1.1",
                        "\x16\x03\x01",
                        "GET /echo HTTP/1.1\rX: y",
                        "GET /echo HTTP/1.1\nX: y",
                        "GET /\x01 HTTP/1.1",
                        "GET /\x7f HTTP/1.1",
                        "GET /%zz HTTP/1.1",
                        "GET /% HTTP/1.1",
                        "GET /%00 HTTP/1.1",
                        "GET /a/%4 HTTP/1.1"})
    line(l);
  for (const char* l :
       {"GET /echo HTTP/2.0", "GET /echo HTTP/0.9", "GET /echo HTTP/1.2", "GET /echo HTTP/3.0", "PRI * HTTP/2.0"})
    line(l, 505);
  to.push_back({"NUL in the target", std::string("GET /a\0b HTTP/1.1\r\nHost: test\r\n\r\n", 34)});
  to.push_back({"bare line feeds", "GET /echo HTTP/1.1\nHost: test\n\n"});
  to.push_back({"a bare line feed at the end", "GET /echo HTTP/1.1\r\nHost: test\r\n\n"});
  to.push_back({"a bare line feed in the middle", "GET /echo HTTP/1.1\r\nHost: test\nX: y\r\n\r\n"});
  to.push_back({"bare carriage returns", "GET /echo HTTP/1.1\rHost: test\r\r"});
  to.push_back({"two carriage returns", "GET /echo HTTP/1.1\r\r\nHost: test\r\n\r\n"});
  to.push_back({"empty lines first", "\r\n\r\nGET /echo HTTP/1.1\r\nHost: test\r\n\r\n"});
  to.push_back({"a bare line feed first", "\nGET /echo HTTP/1.1\r\nHost: test\r\n\r\n"});
}

void hosts(std::vector<attack>& to) {
  const auto host = [&](std::string_view lines) {
    to.push_back({"host " + shown(lines), "GET /echo HTTP/1.1\r\n" + std::string(lines) + "\r\n"});
  };
  host("");
  host("X: y\r\n");
  for (const char* lines :
       {"Host: a\r\nHost: b\r\n", "Host: a\r\nHost: a\r\n", "Host: a\r\nhost: a\r\n", "Host: a\r\nHost:\r\n"})
    host(lines);
  for (const char* value :
       {"", "a b", "a,b", "a/b", "a@b", "a?b", "a#b", "a\\b", "a\"b", "<a>", "a\x0b", "a b:80", "a|b"})
    host("Host: " + std::string(value) + "\r\n");
  for (const char* name : {"Host ", " Host", "Host\t", "Hos t"}) host(std::string(name) + ": a\r\n");
}

void chunks(std::vector<attack>& to) {
  for (const char* body : {"\r\n0\r\n\r\n",
                           "x\r\n",
                           "-1\r\n",
                           "+1\r\na\r\n0\r\n\r\n",
                           "0x1\r\na\r\n0\r\n\r\n",
                           " 1\r\na\r\n0\r\n\r\n",
                           "1 \r\na\r\n0\r\n\r\n",
                           "1\t\r\na\r\n0\r\n\r\n",
                           "1 ;x\r\na\r\n0\r\n\r\n",
                           "1\na\r\n0\r\n\r\n",
                           "1\r\na\n0\r\n\r\n",
                           "1\r\na0\r\n\r\n",
                           "1\r\nab\r\n0\r\n\r\n",
                           "2\r\na\r\n0\r\n\r\n",
                           "1\r\na\r\n0\n\n",
                           "1\r\na\r\n0\r\n\n",
                           "1\ra\r\n0\r\n\r\n",
                           "1\r\na\r0\r\n\r\n",
                           "1,1\r\na\r\n0\r\n\r\n",
                           "1.0\r\na\r\n0\r\n\r\n",
                           "g\r\na\r\n",
                           "10000000000000000\r\na\r\n",
                           "fffffffffffffffff\r\na\r\n",
                           "0000000000000001\r\na\r\n0\r\n\r\n",
                           "1;\x01\r\na\r\n0\r\n\r\n",
                           "1;a\nb\r\na\r\n0\r\n\r\n",
                           "1;a\rb\r\na\r\n0\r\n\r\n",
                           "1\r\na\r\n0;\x7f\r\n\r\n",
                           "0\r\nContent-Length: 4\r\n\r\n",
                           "0\r\nTransfer-Encoding: chunked\r\n\r\n",
                           "0\r\nHost: a\r\n\r\n",
                           "0\r\nno colon\r\n\r\n",
                           "0\r\nX : y\r\n\r\n",
                           "0\r\n X: y\r\n\r\n",
                           "0\r\nX: y\r\n z\r\n\r\n",
                           "0\r\nX: y\n\r\n",
                           "0\r\n: y\r\n\r\n",
                           "0\r\nX: \x01\r\n\r\n",
                           "0\r\nX: y\rZ: a\r\n\r\n"})
    to.push_back({"chunks " + shown(body),
                  "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body)});
  to.push_back({"a chunk extension without end",
                "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(5000, 'x')});
  std::string trailers = "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  for (int i = 0; i < 200; ++i) trailers += "X: " + std::string(120, 'y') + "\r\n";
  to.push_back({"trailers without end", trailers + "\r\n"});
  std::string extensions = "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 100; ++i) extensions += "1;" + std::string(500, 'x') + "\r\na\r\n";
  to.push_back({"extensions without end", extensions + "0\r\n\r\n"});
}

std::vector<attack> attacks() {
  std::vector<attack> all;
  transfer_encodings(all);
  content_lengths(all);
  fields(all);
  request_lines(all);
  hosts(all);
  chunks(all);
  return all;
}

router routes() {
  router r;
  r.get("/echo", echo);
  r.post("/echo", echo);
  r.get("/smuggled", never);
  return r;
}

}  // namespace

TEST_CASE("ambiguous requests are refused and what follows them is not served") {
  const server_fixture server(routes());
  const auto all = attacks();
  REQUIRE(all.size() >= 150);
  smuggled = 0;
  for (const attack& a : all) {
    INFO(a.name);
    raw_client client(server.port());
    client.send(a.bytes + get("/smuggled"));
    const std::string answer = client.read_to_end();
    // One answer, an error, then the end.
    CHECK(answer.substr(0, 12) == "HTTP/1.1 " + std::to_string(a.status));
    CHECK(answer.find("\r\nContent-Length: ") == answer.rfind("\r\nContent-Length: "));
    CHECK(answer.find("application/problem+json") != std::string::npos);
    CHECK(answer.find("\r\nConnection: close\r\n") != std::string::npos);
  }
  CHECK(smuggled == 0);
}

TEST_CASE("requests that look odd and are well-formed are served") {
  const server_fixture server(routes());
  const std::vector<std::pair<std::string, std::string>> good{
      {"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "abc"},
      {"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: ChUnKeD\r\n\r\n3;x=y;z\r\nabc\r\n2\r\nde\r\n00\r\nX: "
       "y\r\n\r\n",
       "abcde"},
      {"POST /echo HTTP/1.1\r\nHost:test\r\ncontent-length:3\t \r\n\r\nabc", "abc"},
      {"POST http://other:80/echo HTTP/1.1\r\nHost: test\r\nContent-Length: 003\r\n\r\nabc", "abc"},
      {"POST /a/../echo HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 1\r\n\r\nx", "x"},
      {"POST /%65cho?q=%00 HTTP/1.1\r\nHost: test\r\nX:\r\nContent-Length: 1\r\n\r\nx", "x"},
      {"\r\nPOST /echo HTTP/1.1\r\nHost: test\r\nX: caf\xc3\xa9\r\nContent-Length: 1\r\n\r\nx", "x"}};
  raw_client client(server.port());
  for (const auto& [request, body] : good) {  // on one connection: each ends where it should
    INFO(request);
    client.send(request);
    const auto answer = client.read_answer();
    CHECK(answer.status == 200);
    CHECK(answer.body == body);
  }
}
