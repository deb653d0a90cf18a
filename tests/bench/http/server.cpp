// A server with prepared bytes and nothing else, for the comparison with nginx: bench_http_server PORT SIZE…
// Serves GET /SIZE with SIZE bytes.
#include "distsys/foundation/log.hpp"
#include "distsys/net/http_server.hpp"
#include "distsys/runtime/runtime.hpp"

#include <cstdlib>
#include <iostream>

using namespace distsys;

namespace {

class prepared {
 public:
  explicit prepared(std::size_t size) : bytes_(std::make_shared<const std::string>(size, 'x')) {}
  awaitable<net::http_response> operator()(net::http_request& /*request*/) const { return answer(bytes_); }

 private:
  static awaitable<net::http_response> answer(std::shared_ptr<const std::string> bytes) {
    const std::string_view view = *bytes;
    co_return net::http_response::prepared({std::move(bytes), view, {}}, "Content-Type: text/plain\r\n");
  }
  std::shared_ptr<const std::string> bytes_;
};

awaitable<void> serve(net::http_server& server, runtime::runtime& loops) {
  const auto listening = co_await server.listen();
  if (!listening) {
    std::cerr << listening.error().what() << '\n';
    loops.stop();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  runtime::runtime loops(1);
  net::router routes;
  for (int i = 2; i < argc; ++i) routes.get("/" + std::string(argv[i]), prepared(std::strtoul(argv[i], nullptr, 10)));
  net::http_server_options options;
  options.role = "bench";
  options.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  net::http_server server(loops, std::move(options), std::move(routes));
  runtime::task_group tasks;
  tasks.spawn(loops.loop(0), serve(server, loops));
  loops.run();
}
