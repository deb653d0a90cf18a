# distsys_library(NAME [LINK target…]): the static library distsys_NAME of every .cpp in the calling folder.
# Asio's headers, which nearly every file includes, are precompiled once a library set.
function(distsys_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINK;SOURCES")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(NOT sources AND NOT arg_SOURCES)
    set(sources ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
  endif()
  add_library(distsys_${name} STATIC ${sources} ${arg_SOURCES})
  target_link_libraries(distsys_${name} PUBLIC distsys_flags distsys_boost ${arg_LINK})
  distsys_precompile(distsys_${name})
endfunction()

# One precompiled header for all: the first target builds it, the others reuse it.
add_library(distsys_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
target_link_libraries(distsys_pch PUBLIC distsys_flags distsys_boost)
target_precompile_headers(distsys_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.hpp)

function(distsys_precompile target)
  target_precompile_headers(${target} REUSE_FROM distsys_pch)
endfunction()
