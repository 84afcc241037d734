# `cpack` in a build folder writes two Debian packages:
#   assay_VERSION_ARCH.deb         the programs assayd and assay, with samples
#   libassay-dev_VERSION_ARCH.deb  the C++ client library, its headers and the protos: find_package(Assay)
# What they depend on is read from the libraries that the programs link (dpkg-shlibdeps, of the package dpkg-dev).
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME assay)
set(CPACK_PACKAGE_VENDOR "The Assay authors")
set(CPACK_PACKAGE_CONTACT "The Assay authors <assay@example.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Training signals from multi-agent LLM episodes")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL assay library)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_ASSAY_PACKAGE_NAME assay)
set(CPACK_DEBIAN_ASSAY_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libassay-dev)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libdevel)
# find_package(gRPC) of Debian wants the plugin of the compiler to be there.
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS "libabsl-dev, libgrpc++-dev, libprotobuf-dev, protobuf-compiler-grpc, libasio-dev")
include(CPack)
