// Few-row products over NF4: 32 codes a lane. The table of 16 values lies in 16 banks of shared memory, so that any 32
// look-ups of a warp go side by side.
#include "cuda/matvec_any.cuh"

namespace peft::cuda {
namespace {

template <bool is_double>
struct Nf4Weights {
  static constexpr int pack = 32, run = 32;  // half a block of 64
  template <int M>
  static constexpr bool ahead = true;
  static constexpr bool scaled = true, has_offset = false;
  struct Shared {
    float values[16];
    float map[is_double ? 256 : 1];
    float offset;
  };
  struct Raw {
    uint32_t words[4];
    float maximum;     // or, of a double one, the nested maximum
    uint32_t quantized;
  };
  Nf4Source source;
  int64_t columns;

  __device__ void prepare(Shared& shared) const {
    if (threadIdx.x < 16) shared.values[threadIdx.x] = nf4_table.value[threadIdx.x];
    if constexpr (is_double) {
      if (threadIdx.x < 256) shared.map[threadIdx.x] = dynamic_table.value[threadIdx.x];
      if (threadIdx.x == 0) shared.offset = *source.offset;
    }
  }
  __device__ Raw fetch(int64_t row, int64_t column) const {
    const int64_t element = source.first + row * columns + column, block = element / nf4_block;
    Raw raw{};
    load_words<16>(source.codes + element / 2, raw.words);
    if constexpr (is_double) {
      raw.quantized = source.quantized[block];
      raw.maximum = source.nested[block / nf4_nested_block];
    } else {
      raw.maximum = source.maxima[block];
    }
    return raw;
  }
  // Byte offsets into the table are four times the codes: those of the even elements and of the odd ones are shifted
  // and masked four at a time.
  __device__ static void decode(const Raw& raw, const Shared& shared, int j, float (&w)[4]) {
    const uint32_t word = raw.words[j / 2];
    const uint32_t even = word >> 2 & 0x3c3c3c3cu, odd = word << 2 & 0x3c3c3c3cu;
    const auto* values = reinterpret_cast<const unsigned char*>(shared.values);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const unsigned byte = 0x4440u + static_cast<unsigned>(j % 2 * 2 + i);
      w[2 * i] = *reinterpret_cast<const float*>(values + __byte_perm(even, 0, byte));
      w[2 * i + 1] = *reinterpret_cast<const float*>(values + __byte_perm(odd, 0, byte));
    }
  }
  __device__ static RunScale scale(const Raw& raw, const Shared& shared, int /*run*/) {
    if constexpr (!is_double) return {raw.maximum};
    return {__fadd_rn(__fmul_rn(shared.map[raw.quantized], raw.maximum), shared.offset)};
  }
  __device__ static void exact(const Raw& raw, const Shared& shared, int j, float (&w)[4]) {
    const RunScale maximum = scale(raw, shared, 0);
    decode(raw, shared, j, w);
#pragma unroll
    for (int i = 0; i < 4; ++i) w[i] = __fmul_rn(w[i], maximum.scale);
  }
};

template <bool is_double>
void start_nf4(const DotCall& call, const ConstView& b) {
  const Nf4Source source = nf4_source(b);
  const bool packs = b.columns() % 32 == 0 && reinterpret_cast<uintptr_t>(b.data) % 16 == 0;
  if (!packs) return start_single_dot(call, source, call.bfloat16);
  const Nf4Weights<is_double> weights{source, b.columns()};
  if (call.a.rows == 1) return start_dot<Nf4Weights<is_double>, 1, 4>(call, weights, call.bfloat16);
  if (call.a.rows <= 4) return start_dot<Nf4Weights<is_double>, 4, 4>(call, weights, call.bfloat16);
  start_dot<Nf4Weights<is_double>, 8, 2>(call, weights, call.bfloat16);
}

}  // namespace

void dot_nf4(const DotCall& call, const ConstView& b) {
  if (call.bfloat16 && dot_nf4_in_bfloat16(call, b)) return;
  if (b.dtype == DType::nf4) return start_nf4<false>(call, b);
  start_nf4<true>(call, b);
}

}  // namespace peft::cuda
