# genrec --prefix: the program, the archive, the headers by layer, and find_package(genrec).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
install(TARGETS genrec RUNTIME)
install(TARGETS genrec_library genrec_options genrec_dependencies EXPORT genrec_targets ARCHIVE)
foreach(layer IN LISTS GENREC_LAYERS)
  install(DIRECTORY ${layer} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/genrec FILES_MATCHING PATTERN "*.h")
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/generated/genrec/version.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/genrec/genrec)
install(EXPORT genrec_targets NAMESPACE genrec:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/genrec)
configure_package_config_file(cmake/genrec-config.cmake.in ${CMAKE_BINARY_DIR}/genrec-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/genrec)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/genrec-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/genrec-config.cmake ${CMAKE_BINARY_DIR}/genrec-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/genrec)
