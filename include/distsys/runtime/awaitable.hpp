// The coroutine type of the whole program: Asio's awaitable on the concrete executor of an io_context (no type
// erasure).
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace distsys {

namespace asio = boost::asio;

/// Where a coroutine runs: one loop of the runtime.
using executor = asio::io_context::executor_type;

template <class T = void>
using awaitable = asio::awaitable<T, executor>;

/// co_await op(use_awaitable): throws boost::system::system_error on failure. For start-up only.
inline constexpr asio::use_awaitable_t<executor> use_awaitable{};
/// auto [ec, n] = co_await op(use_tuple): never throws.
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<executor>> use_tuple{use_awaitable};

}  // namespace distsys
