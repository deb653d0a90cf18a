# version.cpp is regenerated when the commit changes; nothing else is rebuilt for it.
find_package(Git QUIET)
add_custom_target(distsys_version_stamp
  COMMAND ${CMAKE_COMMAND} -DGIT=${GIT_EXECUTABLE} -DSOURCE_DIR=${CMAKE_SOURCE_DIR} -DVERSION=${PROJECT_VERSION}
          -DINPUT=${CMAKE_SOURCE_DIR}/cmake/version.cpp.in -DOUTPUT=${CMAKE_BINARY_DIR}/generated/version.cpp
          -P ${CMAKE_SOURCE_DIR}/cmake/version-stamp.cmake
  BYPRODUCTS ${CMAKE_BINARY_DIR}/generated/version.cpp
  COMMENT "version")
