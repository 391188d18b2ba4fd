# cmake --install and CPack: a relocatable tarball, bin/corollary with the libraries it was built with in lib/. Only the C library is the
# target machine's own. DT_RPATH, not DT_RUNPATH: the libraries find one another by the program's path.
include(GNUInstallDirs)
target_link_options(corollary PRIVATE LINKER:--disable-new-dtags)
install(TARGETS corollary RUNTIME_DEPENDENCY_SET corollary_libraries RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(RUNTIME_DEPENDENCY_SET corollary_libraries
  PRE_EXCLUDE_REGEXES "^ld-linux" "^libc[.]so" "^libm[.]so" "^libdl[.]so" "^libpthread[.]so" "^librt[.]so" "^libresolv[.]so"
  LIBRARY DESTINATION lib)
install(DIRECTORY recipes DESTINATION ${CMAKE_INSTALL_DATADIR}/corollary)
install(DIRECTORY bench/peers DESTINATION ${CMAKE_INSTALL_DATADIR}/corollary/bench)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/corollary)
set(CPACK_GENERATOR TGZ)
set(CPACK_PACKAGE_NAME corollary)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
include(CPack)
