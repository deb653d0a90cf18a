// Catch2, taught to print a result<T> of any T.
#pragma once

#include "distsys/foundation/error.hpp"

#include <catch2/catch.hpp>

namespace Catch {

template <class T>
struct StringMaker<boost::system::result<T, distsys::error>> {
  static std::string convert(const boost::system::result<T, distsys::error>& r) {
    return r.has_error() ? r.error().what() : "success";
  }
};

}  // namespace Catch
