# cmake --install and CPack: a relocatable tarball, bin/corollary with run paths relative to itself.
include(GNUInstallDirs)
install(TARGETS corollary RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY recipes DESTINATION ${CMAKE_INSTALL_DATADIR}/corollary)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/corollary)
set(CPACK_GENERATOR TGZ)
set(CPACK_PACKAGE_NAME corollary)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
include(CPack)
