// The operations port of the process: is it alive, is it ready, what does it count, how was it configured.
#pragma once

#include "distsys/foundation/json.hpp"
#include "distsys/net/http_server.hpp"
#include "src/app/context.hpp"
#include "src/app/loop_probe.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distsys::app {

enum class phase { starting, ready, stopping };

class operations {
 public:
  /// `shown` are the settings for /config, the process's first; `build` is the answer of /buildinfo. The references
  /// and what is shown must outlive this object.
  operations(shared_state& shared, const loop_probe& probe, std::vector<const live_settings*> shown,
             json::object build);

  /// A taken port is errc::already_exists when the user chose it; else the next free one of a hundred is used.
  awaitable<result<void>> listen(endpoint where, bool chosen_by_user);
  awaitable<void> close(runtime::deadline limit);
  std::string address() const;  // "http://127.0.0.1:5090/"

  void set_phase(phase p) noexcept { phase_ = p; }
  /// Where a role can be reached, for the index. Before phase::ready.
  void link(std::string_view role, std::string address) { links_.emplace_back(role, std::move(address)); }

 private:
  struct verdict {
    bool ready = true;
    std::string lines;  // "[+] database sqlite:geo.db", "[-] cache.map: …", "[!] kv_store redis://…: …"
    void add(std::string_view name, const std::string& trouble, bool needed = true);
  };
  net::router routes();
  awaitable<verdict> judge();
  awaitable<net::http_response> livez(net::http_request& request);
  awaitable<net::http_response> readyz(net::http_request& request);
  awaitable<net::http_response> config(net::http_request& request);
  awaitable<net::http_response> buildinfo(net::http_request& request);
  awaitable<net::http_response> index(net::http_request& request);

  shared_state& shared_;
  const loop_probe& probe_;
  std::vector<const live_settings*> shown_;
  const json::object build_;
  std::vector<std::pair<std::string, std::string>> links_;  // read by any loop once the phase is no longer starting
  std::atomic<phase> phase_{phase::starting};
  endpoint where_;
  std::unique_ptr<net::http_server> server_;
};

}  // namespace distsys::app
