// Takes the place of CUDA's header of this name where .cu files are compiled by the host compiler to run on
// the CPU: the part of the run time and of the device language that lib/cuda uses. cuda_emulator.h says how
// kernels run.
#pragma once

#ifndef PEFT_CUDA_EMULATED
#error "tests/support/cuda_emulator is for sources compiled with PEFT_CUDA_EMULATED"
#endif

#include "device_language.h"
#include "runtime_api.h"
