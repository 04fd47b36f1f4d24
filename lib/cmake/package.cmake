# What `cmake --install` gives besides the command line: headers, library, find_package(libpeft), pkg-config.
include(CMakePackageConfigHelpers)

set(PEFT_CMAKE_FOLDER "${CMAKE_INSTALL_LIBDIR}/cmake/libpeft")
set(PEFT_PC_FOLDER "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

install(TARGETS peft EXPORT libpeft LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/peft" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h")
install(EXPORT libpeft FILE libpeftTargets.cmake NAMESPACE libpeft:: DESTINATION "${PEFT_CMAKE_FOLDER}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/lib/cmake/libpeftConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/package/libpeftConfig.cmake" INSTALL_DESTINATION "${PEFT_CMAKE_FOLDER}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/libpeftConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)  # until 1.0, when the major version says it
install(FILES "${PROJECT_BINARY_DIR}/package/libpeftConfig.cmake"
  "${PROJECT_BINARY_DIR}/package/libpeftConfigVersion.cmake" DESTINATION "${PEFT_CMAKE_FOLDER}")

# The prefix is found from where libpeft.pc lies, so that an installed tree may be moved.
file(RELATIVE_PATH PEFT_PREFIX_FROM_PC "/prefix/${PEFT_PC_FOLDER}" "/prefix")
string(REGEX REPLACE "/$" "" PEFT_PREFIX_FROM_PC "${PEFT_PREFIX_FROM_PC}")
configure_file("${PROJECT_SOURCE_DIR}/lib/cmake/libpeft.pc.in" "${PROJECT_BINARY_DIR}/package/libpeft.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/package/libpeft.pc" DESTINATION "${PEFT_PC_FOLDER}")
