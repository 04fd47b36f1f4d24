# The CUDA toolkit that libpeft_cuda.so is built with: the machine's own, or what toolkit.sh made. Gives PEFT_CUDA_FOUND
# and, with it, PEFT_NVCC, PEFT_CUDA_INCLUDE, PEFT_CUDART and, where there are, PEFT_CUBLASLT and PEFT_CUDNN_INCLUDE.
# CMake's own CUDA language is not used: it compiles for a GPU while configuring, and 3.25 stops on the nvToolsExt that
# CUDA 13 lacks.
set(PEFT_CUDA "AUTO" CACHE STRING "Build libpeft_cuda.so: ON, OFF, or AUTO (where nvcc of CUDA 13 is found)")
set_property(CACHE PEFT_CUDA PROPERTY STRINGS AUTO ON OFF)
set(PEFT_CUDA_FOUND OFF)

# Sets `missing` to what keeps us from building the module, and to nothing otherwise.
function(peft_find_cuda missing)
  if(PEFT_SANITIZE)  # they see the emulated module instead
    set(${missing} "a sanitizer is on" PARENT_SCOPE)
    return()
  endif()
  set(folder "$ENV{HOME}/.cache")
  if(DEFINED ENV{XDG_CACHE_HOME})
    set(folder "$ENV{XDG_CACHE_HOME}")
  endif()
  set(given "$ENV{CUDACXX}")
  cmake_path(GET given PARENT_PATH given)
  find_program(PEFT_NVCC nvcc HINTS "${given}" PATHS /usr/local/cuda/bin "${folder}/libpeft/cuda-13.0/bin"
    DOC "NVIDIA's compiler, of CUDA 13")
  if(NOT PEFT_NVCC)
    set(${missing} "nvcc is neither $CUDACXX nor on PATH; lib/cuda/toolkit.sh sets one up" PARENT_SCOPE)
    return()
  endif()
  execute_process(COMMAND "${PEFT_NVCC}" --version OUTPUT_VARIABLE version ERROR_VARIABLE version)
  string(REGEX MATCH "release ([0-9]+)\\.[0-9]+" release "${version}")
  if(NOT CMAKE_MATCH_1 STREQUAL "13")
    set(${missing} "${PEFT_NVCC} is '${release}', expected release 13" PARENT_SCOPE)
    return()
  endif()
  file(REAL_PATH "${PEFT_NVCC}" nvcc)
  cmake_path(GET nvcc PARENT_PATH root)
  cmake_path(GET root PARENT_PATH root)
  find_path(PEFT_CUDA_INCLUDE cublasLt.h HINTS "${root}/include" "${root}/targets/x86_64-linux/include"
    NO_DEFAULT_PATH)
  find_library(PEFT_CUDART cudart_static HINTS "${root}/lib64" "${root}/lib" "${root}/targets/x86_64-linux/lib"
    NO_DEFAULT_PATH)
  find_file(PEFT_CUBLASLT libcublasLt.so.13 HINTS "${root}/lib64" "${root}/lib" "${root}/targets/x86_64-linux/lib"
    NO_DEFAULT_PATH)
  # The toolkit's own, a package's of the system, or what toolkit.sh took from NVIDIA's package.
  find_path(PEFT_CUDNN_INCLUDE cudnn_graph.h HINTS "${root}/include" "${root}/targets/x86_64-linux/include"
    PATHS "${folder}/libpeft/cudnn-9.19" NO_CMAKE_PATH)
  if(NOT PEFT_CUDNN_INCLUDE)
    message(STATUS "libpeft_cuda.so is built without cuDNN: no cudnn_graph.h; lib/cuda/toolkit.sh fetches it")
  endif()
  if(NOT PEFT_CUDA_INCLUDE OR NOT PEFT_CUDART)
    set(${missing} "${root} has no cublasLt.h or no libcudart_static.a" PARENT_SCOPE)
  endif()
endfunction()

if(PEFT_CUDA)  # AUTO is true, too
  set(missing)
  peft_find_cuda(missing)
  if(NOT missing)
    set(PEFT_CUDA_FOUND ON)
  elseif(PEFT_CUDA STREQUAL "AUTO")
    message(STATUS "libpeft_cuda.so is not built: ${missing}")
  else()
    message(FATAL_ERROR "PEFT_CUDA is ${PEFT_CUDA}: ${missing}")
  endif()
endif()
