#include "fault_peer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace distsys::tests {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using error_code = boost::system::error_code;

/// One client and its connection to the server. Lives as long as an operation of it is under way.
class relay : public std::enable_shared_from_this<relay> {
 public:
  relay(tcp::socket client, fault f, std::atomic<std::size_t>& received)
      : client_(std::move(client)),
        server_(client_.get_executor()),
        timer_(client_.get_executor()),
        client_timer_(client_.get_executor()),
        fault_(std::move(f)),
        received_(received) {}

  void start(std::uint16_t port) {
    error_code ec;
    client_.set_option(tcp::no_delay(true), ec);
    if (port == 0) {
      out_ = fault_.bytes;
      fault_ = {.delay = fault_.delay, .piece = fault_.piece};
      discard();
      return send();
    }
    server_.async_connect({asio::ip::address_v4::loopback(), port}, [self = shared_from_this()](error_code failed) {
      if (failed) return self->end(true);
      error_code ignored;
      self->server_.set_option(tcp::no_delay(true), ignored);
      self->read_client();
      self->strike();
      if (!self->ended_) self->read_server();
    });
  }

  void set_now(fault f) {
    f.at = passed_;
    fault_ = std::move(f);
    struck_ = false;
    strike();
  }

  void end(bool reset) {
    if (std::exchange(ended_, true)) return;
    error_code ec;
    if (reset) client_.set_option(asio::socket_base::linger(true, 0), ec);
    client_.close(ec);
    server_.close(ec);
    timer_.cancel();
    client_timer_.cancel();
  }

 private:
  void read_client() {
    if (fault_.client_delay.count() == 0) return read_piece();
    error_code ec;
    client_.set_option(asio::socket_base::receive_buffer_size(64 << 10), ec);
    client_timer_.expires_after(fault_.client_delay);
    client_timer_.async_wait([self = shared_from_this()](error_code failed) {
      if (!failed) self->read_piece();
    });
  }

  void read_piece() {
    const auto room = asio::buffer(from_client_, std::max<std::size_t>(fault_.client_piece, 1));
    client_.async_read_some(room, [self = shared_from_this()](error_code ec, std::size_t n) {
      if (ec || self->ended_) return self->end(false);
      if (self->stalled_) return self->read_client();
      asio::async_write(self->server_, asio::buffer(self->from_client_.data(), n),
                        [self](error_code failed, std::size_t) {
                          if (failed) return self->end(false);
                          self->read_client();
                        });
    });
  }

  void discard() {
    client_.async_read_some(asio::buffer(from_client_), [self = shared_from_this()](error_code ec, std::size_t) {
      if (ec) return self->end(false);
      self->discard();
    });
  }

  void read_server() {
    server_.async_read_some(asio::buffer(from_server_), [self = shared_from_this()](error_code ec, std::size_t n) {
      if (self->ended_) return;
      if (ec) return self->end(false);
      self->received_ += n;
      self->alter(std::string(self->from_server_.data(), n));
      self->send();
    });
  }

  /// Appends to out_ what of `bytes` the client shall get.
  void alter(std::string bytes) {
    const std::size_t from = passed_;
    passed_ += bytes.size();
    if (stalled_) return;
    switch (fault_.what) {
      case fault::kind::close:
      case fault::kind::reset:
      case fault::kind::stall:
        if (passed_ > fault_.at) bytes.resize(fault_.at > from ? fault_.at - from : 0);
        break;
      case fault::kind::replace:
        for (std::size_t i = 0; i < bytes.size(); ++i) {
          const std::size_t position = from + i;
          if (position >= fault_.at && position - fault_.at < fault_.bytes.size())
            bytes[i] = fault_.bytes[position - fault_.at];
        }
        break;
      case fault::kind::insert:
        if (!struck_ && passed_ > fault_.at) {
          bytes.insert(fault_.at > from ? fault_.at - from : 0, fault_.bytes);
          struck_ = true;
        }
        break;
      case fault::kind::none:
        break;
    }
    out_ += bytes;
  }

  void send() {
    if (ended_) return;
    if (out_.empty()) {
      strike();
      if (!ended_ && server_.is_open()) read_server();
      return;
    }
    if (fault_.delay.count() == 0) return write();
    timer_.expires_after(fault_.delay);
    timer_.async_wait([self = shared_from_this()](error_code ec) {
      if (!ec) self->write();
    });
  }

  void write() {
    const std::size_t n = std::min(out_.size(), std::max<std::size_t>(fault_.piece, 1));
    asio::async_write(client_, asio::buffer(out_.data(), n),
                      [self = shared_from_this()](error_code ec, std::size_t done) {
                        if (ec) return self->end(false);
                        self->out_.erase(0, done);
                        self->send();
                      });
  }

  /// Once what comes before the fault has been sent.
  void strike() {
    if (passed_ < fault_.at) return;
    if (fault_.what == fault::kind::close) end(false);
    if (fault_.what == fault::kind::reset) end(true);
    stalled_ = fault_.what == fault::kind::stall;
  }

  tcp::socket client_, server_;
  asio::steady_timer timer_, client_timer_;
  fault fault_;
  std::atomic<std::size_t>& received_;
  std::array<char, 64u << 10> from_client_{}, from_server_{};
  std::string out_;         // what the client shall get next
  std::size_t passed_ = 0;  // bytes of the server on this connection
  bool struck_ = false, stalled_ = false, ended_ = false;
};

}  // namespace

struct fault_peer::state {
  asio::io_context context{1};
  tcp::acceptor acceptor{context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::uint16_t server_port = 0, port = acceptor.local_endpoint().port();
  std::atomic<std::size_t> connections{0}, received{0};
  fault current;  // this and what follows is touched by the thread alone
  std::vector<std::weak_ptr<relay>> open;
  std::thread thread;

  void accept() {
    acceptor.async_accept([this](error_code ec, tcp::socket socket) {
      if (ec) return;
      ++connections;
      auto r = std::make_shared<relay>(std::move(socket), current, received);
      std::erase_if(open, [](const auto& weak) { return weak.expired(); });
      open.push_back(r);
      r->start(server_port);
      accept();
    });
  }

  void each(void (*act)(relay&, const fault&), const fault& f) {
    for (const auto& weak : open)
      if (const auto r = weak.lock()) act(*r, f);
  }
};

fault_peer::fault_peer(std::uint16_t server_port, fault f) : state_(std::make_shared<state>()) {
  state_->server_port = server_port;
  state_->current = std::move(f);
  state_->accept();
  state_->thread = std::thread([s = state_.get()] { s->context.run(); });
}

fault_peer::~fault_peer() {
  asio::post(state_->context, [s = state_.get()] {
    error_code ec;
    s->acceptor.close(ec);
    s->each([](relay& r, const fault&) { r.end(false); }, {});
  });
  state_->thread.join();
}

std::uint16_t fault_peer::port() const noexcept { return state_->port; }

void fault_peer::set(fault f) {
  asio::post(state_->context, [s = state_.get(), f = std::move(f)]() mutable { s->current = std::move(f); });
}

void fault_peer::set_now(fault f) {
  asio::post(state_->context, [s = state_.get(), f = std::move(f)] {
    s->current = f;
    s->each([](relay& r, const fault& each) { r.set_now(each); }, f);
  });
}

void fault_peer::drop_all() {
  asio::post(state_->context, [s = state_.get()] { s->each([](relay& r, const fault&) { r.end(true); }, {}); });
}

std::size_t fault_peer::connections() const noexcept { return state_->connections; }

std::size_t fault_peer::bytes_of_server() const noexcept { return state_->received; }

}  // namespace distsys::tests
