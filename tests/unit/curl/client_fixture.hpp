// A client on two loops of its own, and what the tests of it share.
#pragma once

#include "src/adapters/curl/curl_http_client.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/loops.hpp"
#include "tests/support/scripted_server.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace distsys::adapters::curl::test {

using namespace std::chrono_literals;
using ports::incoming_response;
using ports::outgoing_request;

struct fixture {
  tests::running_loops loops{2};
  std::shared_ptr<ports::http_client> client =
      std::make_shared<adapters::curl::curl_http_client>("http", loops.get(), adapters::curl::client_settings{});

  ~fixture() { loops.run(close(client)); }

  static awaitable<int> close(std::shared_ptr<ports::http_client> c) {
    co_await c->close();
    co_return 0;
  }
  static awaitable<result<incoming_response>> send_within(std::shared_ptr<ports::http_client> c, outgoing_request r,
                                                          std::chrono::milliseconds limit) {
    const auto context = ports::call_context::within(limit);
    co_return co_await c->send(context, std::move(r));
  }
  result<incoming_response> send(outgoing_request r, std::chrono::milliseconds limit = 5s) {
    return loops.run(send_within(client, std::move(r), limit));
  }
  static outgoing_request trusted(std::string url) {
    outgoing_request r;
    r.url = std::move(url);
    r.allow_private_addresses = true;
    return r;
  }
};

inline std::string redirect_to(const std::string& where, int status = 302) {
  return "HTTP/1.1 " + std::to_string(status) + " Elsewhere\r\nLocation: " + where +
         "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
}

inline bool asked_for(const std::string& request, const std::string& path) {
  return request.find(" " + path + " ") != std::string::npos;
}

}  // namespace distsys::adapters::curl::test
