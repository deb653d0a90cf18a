# Every third-party library, found once. A client library is linked only by the adapter that uses it.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED CONFIG COMPONENTS headers json url)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(spdlog REQUIRED CONFIG)
find_package(prometheus-cpp REQUIRED CONFIG)
find_package(PkgConfig REQUIRED)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(SYSTEMD IMPORTED_TARGET libsystemd)

# Asio and Beast are compiled once, here, instead of in every file that includes them.
add_library(distsys_boost STATIC ${CMAKE_SOURCE_DIR}/cmake/boost.cpp)
target_compile_features(distsys_boost PUBLIC cxx_std_20)
target_compile_definitions(distsys_boost PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
target_include_directories(distsys_boost SYSTEM PUBLIC ${Boost_INCLUDE_DIRS})
target_link_libraries(distsys_boost PUBLIC Boost::headers Boost::json Boost::url OpenSSL::SSL OpenSSL::Crypto
                                           Threads::Threads)
