# Flags of every target. The binary runs on any x86-64-v2 machine; faster instruction sets are chosen at start (isa.cmake).
add_library(genrec_options INTERFACE)
target_include_directories(genrec_options INTERFACE
  $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}> $<BUILD_INTERFACE:${CMAKE_BINARY_DIR}/generated>
  $<INSTALL_INTERFACE:include/genrec>)
target_compile_features(genrec_options INTERFACE cxx_std_20)

set(host_flags -Wall -Wextra -ffp-contract=off)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND host_flags -march=x86-64-v2)
endif()
target_compile_options(genrec_options INTERFACE "$<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CXX>:${host_flags}>>")

if(GENREC_SANITIZE)
  target_compile_options(genrec_options INTERFACE
    "$<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${GENREC_SANITIZE};-fno-omit-frame-pointer>>")
  target_link_options(genrec_options INTERFACE $<BUILD_INTERFACE:-fsanitize=${GENREC_SANITIZE}>)
else()
  target_link_options(genrec_options INTERFACE $<BUILD_INTERFACE:-static-libstdc++> $<BUILD_INTERFACE:-static-libgcc>)
endif()

configure_file(cmake/version.h.in ${CMAKE_BINARY_DIR}/generated/genrec/version.h)
