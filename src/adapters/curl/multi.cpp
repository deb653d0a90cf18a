#include "multi.hpp"

#include <boost/asio/error.hpp>

#include <new>
#include <utility>
#include <vector>

namespace distsys::adapters::curl {

// The descriptor belongs to libcurl: it is registered with the loop here, and released, never closed.
struct multi::watch {
  watch(executor loop, curl_socket_t s) : descriptor(loop, s), socket(s) {}
  ~watch() { drop(); }
  void drop() {
    if (descriptor.is_open()) descriptor.release();
  }

  asio::posix::basic_stream_descriptor<executor> descriptor;
  curl_socket_t socket;
  int wanted = CURL_POLL_NONE;
  bool reading = false, writing = false;  // a wait is under way
};

multi::multi(executor loop) : loop_(loop), handle_(curl_multi_init()), timer_(loop) {
  if (handle_ == nullptr) throw std::bad_alloc();
}

std::shared_ptr<multi> multi::create(executor loop, const multi_limits& limits) {
  std::shared_ptr<multi> self(new multi(loop));
  curl_multi_setopt(self->handle_, CURLMOPT_SOCKETFUNCTION, &multi::on_socket);
  curl_multi_setopt(self->handle_, CURLMOPT_SOCKETDATA, self.get());
  curl_multi_setopt(self->handle_, CURLMOPT_TIMERFUNCTION, &multi::on_timer);
  curl_multi_setopt(self->handle_, CURLMOPT_TIMERDATA, self.get());
  curl_multi_setopt(self->handle_, CURLMOPT_MAX_TOTAL_CONNECTIONS, limits.connections);
  curl_multi_setopt(self->handle_, CURLMOPT_MAXCONNECTS, limits.connections);
  curl_multi_setopt(self->handle_, CURLMOPT_MAX_HOST_CONNECTIONS, limits.connections_per_host);
  return self;
}

multi::~multi() {
  for (auto& [easy, done] : running_) curl_multi_remove_handle(handle_, easy);
  curl_multi_cleanup(handle_);  // calls on_socket for each connection that it closes
  for (auto& [socket, w] : watches_) w->drop();
}

CURLMcode multi::add(CURL* easy, std::function<void(CURLcode)> done) {
  const CURLMcode code = curl_multi_add_handle(handle_, easy);  // asks on_timer for a kick at once
  if (code == CURLM_OK) running_.emplace(easy, std::move(done));
  return code;
}

void multi::remove(CURL* easy) {
  running_.erase(easy);
  curl_multi_remove_handle(handle_, easy);
}

int multi::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
  auto& m = *static_cast<multi*>(self);
  const auto found = m.watches_.find(socket);
  if (what == CURL_POLL_REMOVE) {
    if (found == m.watches_.end()) return 0;  // libcurl may name a socket that it never announced
    found->second->wanted = CURL_POLL_NONE;
    found->second->drop();
    m.watches_.erase(found);
    return 0;
  }
  std::shared_ptr<watch> w;
  if (found != m.watches_.end()) {
    w = found->second;
  } else {
    try {
      w = std::make_shared<watch>(m.loop_, socket);
    } catch (const std::exception&) {
      return -1;  // fails the transfers of this handle; an exception must not cross libcurl
    }
    m.watches_.emplace(socket, w);
  }
  w->wanted = what;
  m.arm(w);
  return 0;
}

int multi::on_timer(CURLM*, long milliseconds, void* self) {
  auto& m = *static_cast<multi*>(self);
  m.timer_.cancel();
  if (milliseconds < 0) return 0;
  m.timer_.expires_after(std::chrono::milliseconds(milliseconds));
  m.timer_.async_wait([weak = m.weak_from_this()](boost::system::error_code ec) {
    if (ec) return;
    if (const auto alive = weak.lock()) alive->act(CURL_SOCKET_TIMEOUT, 0);
  });
  return 0;
}

void multi::arm(const std::shared_ptr<watch>& w) {
  const auto wait = [this, &w](asio::posix::descriptor_base::wait_type type, bool watch::* under_way, int wanted,
                               int event) {
    if ((w->wanted & wanted) == 0 || w.get()->*under_way) return;
    w.get()->*under_way = true;
    w->descriptor.async_wait(type,
                             [weak = weak_from_this(), w, under_way, wanted, event](boost::system::error_code ec) {
                               w.get()->*under_way = false;
                               const auto self = weak.lock();
                               if (!self || !w->descriptor.is_open() || (w->wanted & wanted) == 0) return;
                               if (ec == asio::error::operation_aborted) return;
                               self->act(w->socket, ec ? CURL_CSELECT_ERR : event);
                               if (!ec && w->descriptor.is_open()) self->arm(w);
                             });
  };
  wait(asio::posix::descriptor_base::wait_read, &watch::reading, CURL_POLL_IN, CURL_CSELECT_IN);
  wait(asio::posix::descriptor_base::wait_write, &watch::writing, CURL_POLL_OUT, CURL_CSELECT_OUT);
}

void multi::act(curl_socket_t socket, int events) {
  const auto self = shared_from_this();
  int running = 0;
  curl_multi_socket_action(handle_, socket, events, &running);
  report_finished();
}

void multi::report_finished() {
  // Told after libcurl has returned: a callback may call back into this handle.
  std::vector<std::pair<std::function<void(CURLcode)>, CURLcode>> finished;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(handle_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    CURL* easy = message->easy_handle;
    curl_multi_remove_handle(handle_, easy);
    if (auto entry = running_.extract(easy)) finished.emplace_back(std::move(entry.mapped()), code);
  }
  for (auto& [done, code] : finished) done(code);
}

}  // namespace distsys::adapters::curl
