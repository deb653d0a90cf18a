# How everything is compiled: warnings, sanitizers, hardening, the linker and the compiler cache.
add_library(distsys_flags INTERFACE)
target_include_directories(distsys_flags INTERFACE ${CMAKE_SOURCE_DIR}/include)
target_compile_options(distsys_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wconversion
  -Wno-sign-conversion -Wno-missing-field-initializers -Werror)
target_compile_definitions(distsys_flags INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)

if(DISTSYS_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(DISTSYS_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(NOT DISTSYS_SANITIZE STREQUAL "")
  message(FATAL_ERROR "DISTSYS_SANITIZE is '${DISTSYS_SANITIZE}': address, thread or empty")
endif()

if(DISTSYS_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# PIE everywhere, by flag: a precompiled header must be compiled exactly as the files that use it.
add_compile_options(-fPIE)
add_link_options(-pie)

if(DISTSYS_HARDENING)
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    add_compile_options(-fcf-protection)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    add_compile_options(-mbranch-protection=standard)
  endif()
  add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld)
  if(CMAKE_INTERPROCEDURAL_OPTIMIZATION)
    # A new commit changes one file, version.cpp: only that one is optimised again.
    add_link_options(-Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/lto-cache)
  endif()
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # Precompiled headers are cached only when the compiler leaves time stamps out of them.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime CCACHE_NOHASHDIR=1
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()
