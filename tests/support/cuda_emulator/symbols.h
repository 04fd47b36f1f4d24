// What the loader and the symbol tables know of a kernel.
#pragma once

#include <cstddef>
#include <string>

namespace cuda_emulator {

// "peft::cuda::rms_norm_kernel", without namespaces that have no name and without parameters.
std::string kernel_name(const void* kernel);

// Of the variables that stand in the kernel itself; those in the functions that it calls are not known here.
size_t static_shared_bytes(const void* kernel);

// The calling thread's thread-local variables of the module that holds the kernel.
struct ThreadStorage {
  void* data = nullptr;
  size_t bytes = 0;
};
ThreadStorage thread_storage_of(const void* kernel);

}  // namespace cuda_emulator
