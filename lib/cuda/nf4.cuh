// NF4 on the device: the tables of tensor/nf4.h as constants of the module, and values by their place in the tensor.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tensor/nf4.h"
#include "tensor/view.h"

namespace peft::cuda {

template <int count>
struct Table {
  float value[count];
};

constexpr Table<16> make_nf4_table() {
  Table<16> table{};
  for (size_t i = 0; i < 16; ++i) table.value[i] = nf4_values[i];
  return table;
}

// As make_dynamic_map() in tensor/nf4.cpp. Its fused products are sums of 30 bits that double precision holds exactly.
constexpr Table<256> make_dynamic_table() {
  Table<256> table{};
  int count = 0;
  const float start = 0.1f, end = 1.0f;
  constexpr double powers[7] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1};
  for (int exponent = 0; exponent < 7; ++exponent) {
    const int intervals = 1 << exponent, points = intervals + 1;
    const double step = static_cast<double>((end - start) / static_cast<float>(intervals));
    float before = start;
    for (int k = 0; k < intervals; ++k) {
      const int next = k + 1;
      const double exact = next < points / 2 ? step * next + static_cast<double>(start)
                                             : -step * (points - next - 1) + static_cast<double>(end);
      const auto after = static_cast<float>(exact);
      const float mean = (before + after) / 2.0f;
      const float value = static_cast<float>(powers[exponent]) * mean;
      table.value[count++] = value;
      table.value[count++] = -value;
      before = after;
    }
  }
  table.value[count++] = 0.0f;
  table.value[count++] = 1.0f;
  std::sort(table.value, table.value + 256);
  return table;
}

static __device__ constexpr Table<16> nf4_table = make_nf4_table();
static __device__ constexpr Table<256> dynamic_table = make_dynamic_table();

// A stored NF4 tensor, or some of its rows: `first` is the element of the whole tensor that the view begins with.
struct Nf4Source {
  const uint8_t* codes = nullptr;
  const float* maxima = nullptr;  // nf4
  const uint8_t* quantized = nullptr;  // nf4_double
  const float *nested = nullptr, *offset = nullptr;
  int64_t first = 0;

  // `map` is the dynamic map; kernels that read much hold a copy in shared memory.
  template <bool is_double>
  __device__ float maximum(int64_t block, const float* map) const {
    if constexpr (!is_double) return maxima[block];
    return __fadd_rn(__fmul_rn(map[quantized[block]], nested[block / nf4_nested_block]), *offset);
  }
  // The value of an element of the view.
  __device__ float at(int64_t element) const {
    const int64_t place = first + element, block = place / nf4_block;
    const int byte = codes[place / 2], code = place % 2 == 0 ? byte >> 4 : byte & 15;
    const float scale =
        quantized == nullptr ? maximum<false>(block, nullptr) : maximum<true>(block, dynamic_table.value);
    return __fmul_rn(nf4_table.value[code], scale);
  }
};

inline Nf4Source nf4_source(const ConstView& x) {
  const Nf4Layout layout = Nf4Layout::of(x.dtype, x.all_rows * x.columns());
  Nf4Source source;
  source.codes = reinterpret_cast<const uint8_t*>(x.data);
  source.first = x.first_row * x.columns();
  if (x.dtype == DType::nf4) {
    source.maxima = reinterpret_cast<const float*>(x.data + layout.maxima_offset);
    return source;
  }
  source.quantized = reinterpret_cast<const uint8_t*>(x.data + layout.maxima_offset);
  source.nested = reinterpret_cast<const float*>(x.data + layout.nested_offset);
  source.offset = reinterpret_cast<const float*>(x.data + layout.offset_offset);
  return source;
}

}  // namespace peft::cuda
