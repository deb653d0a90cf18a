#include "reply.hpp"

#include "stored_value.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>
#include <utility>

namespace distsys::adapters::redis {
namespace {

constexpr std::size_t max_line = 64u << 10;  // of a status, an error or an integer
constexpr std::size_t piece = 16u << 10;     // hiredis moves what is left of its buffer at each reply: keep it short
constexpr std::size_t kept_buffer = 256u << 10;
constexpr std::size_t large = 16u << 10;        // a value from this size on is not worth two copies
constexpr std::size_t most_skipped = 1u << 30;  // Redis keeps values of up to 512 MB
constexpr std::size_t max_number = 32;          // of the line before a bulk string or an array

error nonsense(std::string what) { return {errc::unavailable, "the server sent " + std::move(what)}; }

reply::kind kind_of(const stored_value& value) {
  if (value.kind == stored_kind::tombstone) return reply::kind::tombstone;
  return value.kind == stored_kind::damaged ? reply::kind::damaged : reply::kind::bulk;
}

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
  reader_->maxbuf = kept_buffer;  // 16 KiB would be given back, and asked for again, at every reply of some size
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
    r->type = kind_of(value);
    bytes = value.bytes;
  }
  if (r->type == reply::kind::bulk && size > self->limits_.value) {
    r->type = reply::kind::too_large;
    return r;
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

result<std::size_t> reply_reader::feed(std::string_view bytes, std::size_t max_bytes) {
  if (!large_.empty()) {
    const std::size_t n = std::min(bytes.size(), large_.size() - large_filled_);
    std::memcpy(large_.data() + large_filled_, bytes.data(), n);
    large_filled_ += n;
    return n;
  }
  if (skipping_ > 0) {
    const std::size_t n = std::min(bytes.size(), skipping_);
    skipping_ -= n;
    skipped_ = skipping_ == 0;
    return n;
  }
  if (begin_large(bytes, max_bytes)) return bytes.find('\n') + 1;
  bytes = bytes.substr(0, piece);
  reader_->privdata = this;  // hiredis's macro for it does not compile as C++
  if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK)
    return nonsense("a reply that does not fit into memory");
  unfinished_ += bytes.size();
  return bytes.size();
}

/// A large value at the start of `bytes`, when hiredis has nothing begun: "$65536\r\n".
bool reply_reader::begin_large(std::string_view bytes, std::size_t max_bytes) {
  if (bytes.front() != '$' || unfinished_ != 0) return false;
  const auto end = bytes.substr(0, max_number).find("\r\n");
  if (end == std::string_view::npos) return false;
  std::size_t size = 0;
  const auto [stop, bad] = std::from_chars(bytes.data() + 1, bytes.data() + end, size);
  if (bad != std::errc{} || stop != bytes.data() + end || size < large) return false;
  if (size > most_skipped || max_bytes == 0) return false;  // no server sends that: it will be an error
  if (size + 2 > max_bytes || size > limits_.value) {
    skipping_ = size + 2;
    return true;
  }
  large_.resize(size + 2);
  large_filled_ = 0;
  return true;
}

std::span<char> reply_reader::room() noexcept {
  return {large_.data() + large_filled_, large_.empty() ? 0 : large_.size() - large_filled_};
}

result<std::optional<reply>> reply_reader::finish_large() {
  if (large_filled_ < large_.size()) return std::optional<reply>();
  if (!large_.ends_with("\r\n")) return nonsense("what is not the Redis protocol");
  large_.resize(large_.size() - 2);
  reply r;
  r.type = reply::kind::bulk;
  if (stored_) {
    const stored_value value = decode(large_);
    r.type = kind_of(value);
    large_.erase(0, large_.size() - value.bytes.size());
  }
  r.text = std::exchange(large_, {});
  return std::optional<reply>(std::move(r));
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
  if (!large_.empty()) return finish_large();
  if (std::exchange(skipped_, false)) {
    reply r;
    r.type = reply::kind::too_large;
    return std::optional<reply>(std::move(r));
  }
  void* object = nullptr;
  if (redisReaderGetReply(reader_.get(), &object) != REDIS_OK) return nonsense("what is not the Redis protocol");
  if (object) {
    const std::unique_ptr<reply> whole(static_cast<reply*>(object));
    unfinished_ = reader_->len - reader_->pos;
    return std::optional<reply>(std::move(*whole));
  }
  if (unfinished_ > max_bytes)
    return error{errc::too_large, "the server sent a reply of more than " + std::to_string(max_bytes) + " bytes"};
  if (!plausible()) return nonsense("what is not the Redis protocol");
  return std::optional<reply>();
}

}  // namespace distsys::adapters::redis
