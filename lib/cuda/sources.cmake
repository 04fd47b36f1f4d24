# What libpeft_cuda.so is made of, and the emulated module of tests/cuda with it: PEFT_CUDA_SOURCES (C++) and
# PEFT_CUDA_KERNELS (.cu), as absolute paths; PEFT_CUDNN_SOURCES where there are cuDNN's headers, else PEFT_CUDNN_ABSENT.
set(PEFT_CUDA_SOURCES background_copies.cpp cublaslt.cpp cublaslt_library.cpp cublaslt_tuning.cpp cuda_backend.cpp
  cuda_device.cpp launch_graphs.cpp launch_queue.cpp launch_window.cpp module.cpp plan_file.cpp staging.cpp)
set(PEFT_CUDNN_SOURCES cudnn.cpp cudnn_attention.cpp cudnn_graph.cpp)
set(PEFT_CUDNN_ABSENT cudnn_absent.cpp)
foreach(list PEFT_CUDA_SOURCES PEFT_CUDNN_SOURCES PEFT_CUDNN_ABSENT)
  list(TRANSFORM ${list} PREPEND "${CMAKE_CURRENT_LIST_DIR}/")
endforeach()
file(GLOB PEFT_CUDA_KERNELS CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/*.cu")
set(PEFT_CUDA_MAP "${CMAKE_CURRENT_LIST_DIR}/libpeft_cuda.map")
