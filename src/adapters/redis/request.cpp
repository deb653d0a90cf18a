#include "request.hpp"

#include "send_queue.hpp"

namespace distsys::adapters::redis {

void request::fail(error why) {
  if (!waiter_) return;
  failure_ = std::move(why);
  if (queue_) queue_->left(*this);
  resume();
}

}  // namespace distsys::adapters::redis
