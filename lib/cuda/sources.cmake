# What libpeft_cuda.so is made of, and the emulated module of tests/cuda with it: PEFT_CUDA_SOURCES (C++) and
# PEFT_CUDA_KERNELS (.cu), as absolute paths.
set(PEFT_CUDA_SOURCES background_copies.cpp cublaslt.cpp cublaslt_library.cpp cublaslt_tuning.cpp cuda_backend.cpp
  cuda_device.cpp launch_graphs.cpp launch_queue.cpp launch_window.cpp module.cpp plan_file.cpp staging.cpp)
list(TRANSFORM PEFT_CUDA_SOURCES PREPEND "${CMAKE_CURRENT_LIST_DIR}/")
file(GLOB PEFT_CUDA_KERNELS CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/*.cu")
set(PEFT_CUDA_MAP "${CMAKE_CURRENT_LIST_DIR}/libpeft_cuda.map")
