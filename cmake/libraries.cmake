# Third-party code: header-only helpers, and static archives so that the program needs nothing but libc at run time.
add_library(genrec_dependencies INTERFACE)

find_package(OpenMP REQUIRED COMPONENTS CXX)
target_compile_options(genrec_dependencies INTERFACE $<$<COMPILE_LANGUAGE:CXX>:${OpenMP_CXX_FLAGS}>)
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libgomp.a
                OUTPUT_VARIABLE gomp_archive OUTPUT_STRIP_TRAILING_WHITESPACE)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND EXISTS "${gomp_archive}" AND NOT GENREC_SANITIZE)
  target_link_libraries(genrec_dependencies INTERFACE ${gomp_archive} pthread)
else()
  target_link_libraries(genrec_dependencies INTERFACE OpenMP::OpenMP_CXX)
endif()

set(ZLIB_USE_STATIC_LIBS ON)
find_package(ZLIB REQUIRED)
target_link_libraries(genrec_dependencies INTERFACE ZLIB::ZLIB ${CMAKE_DL_LIBS})

find_path(GENREC_NLOHMANN_INCLUDE nlohmann/json.hpp REQUIRED)
find_path(GENREC_TOML_INCLUDE toml++/toml.h REQUIRED)
find_path(GENREC_FMT_INCLUDE fmt/format.h REQUIRED)
find_path(GENREC_CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
target_compile_definitions(genrec_dependencies INTERFACE FMT_HEADER_ONLY=1 TOML_HEADER_ONLY=1)
