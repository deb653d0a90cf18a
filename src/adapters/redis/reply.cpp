#include "reply.hpp"

#include "stored_value.hpp"

#include <cstring>
#include <new>
#include <utility>

namespace distsys::adapters::redis {
namespace {

constexpr std::size_t max_line = 64u << 10;  // of a status, an error or an integer
constexpr std::size_t max_number = 32;       // of the line before a bulk string or an array

error nonsense(std::string what) { return {errc::unavailable, "the server sent " + std::move(what)}; }

int depth_of(const redisReadTask* task) {
  int depth = 0;
  for (const auto* t = task->parent; t; t = t->parent) ++depth;
  return depth;
}

}  // namespace

redisReplyObjectFunctions reply_reader::functions_{&on_string, &on_array, &on_integer, &on_nil, &on_free};

reply_reader::reply_reader(reply_limits limits, bool stored)
    : limits_(limits), stored_(stored), reader_(redisReaderCreateWithFunctions(&functions_)) {
  if (!reader_) throw std::bad_alloc();
}

// hiredis frees and links nothing by itself: a nested reply goes into its parent's elements, which were made with it.
reply* reply_reader::place(const redisReadTask* task) {
  if (!task->parent) return new reply;
  return &static_cast<reply*>(task->parent->obj)->elements[static_cast<std::size_t>(task->idx)];
}

void* reply_reader::on_string(const redisReadTask* task, char* text, std::size_t size) {
  // hiredis 0.14 steps over the two bytes after a bulk string without looking; text[size] and the next are in its
  // buffer. A null pointer ends the reading with an error.
  if (task->type == REDIS_REPLY_STRING && (text[size] != '\r' || text[size + 1] != '\n')) return nullptr;
  reply* const r = place(task);
  std::string_view bytes(text, size);
  r->type = task->type == REDIS_REPLY_STATUS  ? reply::kind::status
            : task->type == REDIS_REPLY_ERROR ? reply::kind::error
                                              : reply::kind::bulk;
  const auto* const self = static_cast<const reply_reader*>(task->privdata);
  if (r->type == reply::kind::bulk && self->stored_) {
    const stored_value value = decode(bytes);
    if (value.kind == stored_kind::tombstone) r->type = reply::kind::tombstone;
    if (value.kind == stored_kind::damaged) r->type = reply::kind::damaged;
    bytes = value.bytes;
  }
  r->text.assign(bytes);
  return r;
}

void* reply_reader::on_array(const redisReadTask* task, int elements) {
  const auto* const self = static_cast<const reply_reader*>(task->privdata);
  if (static_cast<std::size_t>(elements) > self->limits_.elements || depth_of(task) >= self->limits_.depth)
    return nullptr;
  reply* const r = place(task);
  r->type = reply::kind::array;
  r->elements.resize(static_cast<std::size_t>(elements));
  return r;
}

void* reply_reader::on_integer(const redisReadTask* task, long long number) {
  reply* const r = place(task);
  r->type = reply::kind::integer;
  r->number = number;
  return r;
}

void* reply_reader::on_nil(const redisReadTask* task) {
  reply* const r = place(task);
  r->type = reply::kind::nil;
  return r;
}

void reply_reader::on_free(void* object) { delete static_cast<reply*>(object); }

result<void> reply_reader::feed(std::string_view bytes) {
  reader_->privdata = this;  // hiredis's macro for it does not compile as C++
  if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK)
    return nonsense("a reply that does not fit into memory");
  unfinished_ += bytes.size();
  return {};
}

// A line that never ends would be searched for its end again at every byte.
bool reply_reader::plausible() const noexcept {
  const redisReader& r = *reader_;
  if (r.ridx < 0) return true;
  const int type = r.rstack[r.ridx].type;
  const std::size_t waiting = r.len - r.pos;
  if (type == REDIS_REPLY_STATUS || type == REDIS_REPLY_ERROR || type == REDIS_REPLY_INTEGER) return waiting < max_line;
  if (type == REDIS_REPLY_STRING || type == REDIS_REPLY_ARRAY)
    return waiting < max_number || std::memchr(r.buf + r.pos, '\n', max_number) != nullptr;
  return true;
}

result<std::optional<reply>> reply_reader::next(std::size_t max_bytes) {
  void* object = nullptr;
  if (redisReaderGetReply(reader_.get(), &object) != REDIS_OK) return nonsense("what is not the Redis protocol");
  if (object) {
    const std::unique_ptr<reply> whole(static_cast<reply*>(object));
    unfinished_ = reader_->len - reader_->pos;
    return std::optional<reply>(std::move(*whole));
  }
  if (unfinished_ > max_bytes) return nonsense("a reply of more than " + std::to_string(max_bytes) + " bytes");
  if (!plausible()) return nonsense("what is not the Redis protocol");
  return std::optional<reply>();
}

}  // namespace distsys::adapters::redis
