# External packages. Found here, once, so that their targets are visible in every folder.
# tests/setup.sh installs the Debian packages that carry them.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)  # libnlohmann-json3-dev
find_package(dnnl 2.6 REQUIRED CONFIG)     # libdnnl-dev, ocl-icd-opencl-dev, opencl-c-headers
find_package(hwy 1.0.3 REQUIRED CONFIG)    # libhwy-dev

# Headers only: fmt is compiled into lib/base (Debian has no static one), xxHash is inlined.
find_path(PEFT_FMT_INCLUDE fmt/format-inl.h REQUIRED)  # libfmt-dev
find_path(PEFT_XXHASH_INCLUDE xxhash.h REQUIRED)       # libxxhash-dev

if(PEFT_BUILD_TESTS)
  find_package(GTest 1.12 REQUIRED)  # libgtest-dev, libgmock-dev
endif()
