# The hot inner loops (tensor/simd/kernels) are compiled once per instruction set into a namespace of their own and chosen at
# start by tensor/simd/simd.cpp. These sources may include nothing but <cstdint>, <cstddef>, <immintrin.h> and their own
# headers: an inline function of the standard library compiled for AVX-512 must never be the copy that the linker keeps.
function(genrec_isa_objects objects)
  set(generic_flags "")
  set(avx2_flags -mavx2 -mfma -mf16c -mbmi2)
  set(avx512_flags -mavx2 -mfma -mf16c -mbmi2 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
  set(sets generic)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND sets avx2 avx512)
  endif()
  # As a property of the sources, whose options come last: genrec_options says -ffp-contract=off.
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -ffp-contract=fast)
  foreach(isa IN LISTS sets)
    add_library(genrec_simd_${isa} OBJECT ${ARGN})
    target_link_libraries(genrec_simd_${isa} PRIVATE genrec_options)
    target_compile_definitions(genrec_simd_${isa} PRIVATE GENREC_ISA=${isa})
    target_compile_options(genrec_simd_${isa} PRIVATE ${${isa}_flags} -O3 -Wno-psabi)
    list(APPEND ${objects} $<TARGET_OBJECTS:genrec_simd_${isa}>)
  endforeach()
  set(${objects} ${${objects}} PARENT_SCOPE)
endfunction()
