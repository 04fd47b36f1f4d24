// Cross-entropy of whole rows of logits, gradient in place. A block owns a row: one pass for its maximum and the sum of
// its exponentials, one for the gradient.
#include <cmath>

#include "cuda/cuda_backend.h"
#include "cuda/reduce.cuh"
#include "cuda/row.cuh"

namespace peft::cuda {
namespace {

constexpr unsigned loss_threads = 512;

// body(column, pack) for packs of a row of any alignment: four columns where address and rest allow it, else one.
template <typename Body>
__device__ void for_packs(const float* row, int64_t columns, const Body& body) {
  const int64_t thread = threadIdx.x, misplaced = static_cast<int64_t>(reinterpret_cast<uintptr_t>(row) / 4 % 4);
  const int64_t wanted = (4 - misplaced) % 4, head = wanted < columns ? wanted : columns;
  const int64_t packs = (columns - head) / 4, tail = head + 4 * packs;
  if (thread < head) body(thread, load<1>(row + thread));
  for (int64_t p = thread; p < packs; p += loss_threads) body(head + 4 * p, load<4>(row + head + 4 * p));
  if (thread < columns - tail) body(tail + thread, load<1>(row + tail + thread));
}

template <int width>
__device__ float highest(const Floats<width>& pack) {
  float result = pack.v[0];
  for (int i = 1; i < width; ++i) result = fmaxf(result, pack.v[i]);
  return result;
}

// Exponentials against a maximum of -infinity (everything masked) are 0, not NaN.
__device__ inline float shift_of(float maximum) { return maximum == -INFINITY ? 0.0f : maximum; }

template <int width>
__device__ float exponentials(const Floats<width>& pack, float shift) {
  float sum = 0;
  for (int i = 0; i < width; ++i) sum += expf(pack.v[i] - shift);
  return sum;
}

struct SoftmaxSum {
  float maximum;
  double total;  // of exp(x - maximum); NaN where an x is NaN or +infinity
};

__device__ SoftmaxSum softmax_sum(const float* row, int64_t columns) {
  float maximum = -INFINITY;
  double total = 0;
  for_packs(row, columns, [&](int64_t, const auto& pack) {
    const float largest = fmaxf(maximum, highest(pack));
    if (largest > maximum) {
      total *= static_cast<double>(expf(maximum - largest));
      maximum = largest;
    }
    total += static_cast<double>(exponentials(pack, shift_of(maximum)));
  });
  const float all = block_reduce(maximum, -INFINITY, Maximum{});
  total *= exp(static_cast<double>(maximum) - static_cast<double>(all));  // NaN where all are -infinity
  return {all, block_sum(total)};
}

__global__ void __launch_bounds__(loss_threads)
    cross_entropy_kernel(Matrix<float> logits, const int32_t* labels, float gradient_scale, float* losses) {
  const int64_t r = blockIdx.x, columns = logits.columns;
  float* const row = logits.row(r);
  const int64_t label = labels[r];
  const bool ignored = label == ignored_label, outside = !ignored && (label < 0 || label >= columns);
  if (ignored || outside) {  // the same for the whole block; NaN rather than a read out of bounds
    const float value = outside ? NAN : 0.0f;
    if (threadIdx.x == 0) losses[r] = value;
    if (gradient_scale == 0.0f) return;
    for_packs(row, columns, [&](int64_t column, auto pack) {
      for (float& element : pack.v) element = value;
      store(pack, row + column);
    });
    return;
  }
  const double chosen = static_cast<double>(row[label]);
  const SoftmaxSum sum = softmax_sum(row, columns);  // behind its barriers nobody reads row[label] again
  if (threadIdx.x == 0) losses[r] = static_cast<float>(log(sum.total) + static_cast<double>(sum.maximum) - chosen);
  if (gradient_scale == 0.0f) return;
  const float shift = shift_of(sum.maximum);
  const float factor = static_cast<float>(static_cast<double>(gradient_scale) / sum.total);
  for_packs(row, columns, [&](int64_t column, auto pack) {
    for (float& element : pack.v) {
      element = expf(element - shift) * factor;
      if (column++ == label) element -= gradient_scale;
    }
    store(pack, row + column - static_cast<int64_t>(sizeof pack / sizeof(float)));
  });
}

}  // namespace

void CudaBackend::cross_entropy(View logits, ConstView labels, float gradient_scale, View losses) {
  run("cross_entropy", [&] {
    launch(stream(), row_blocks(logits.rows()), dim3(loss_threads), 0, cross_entropy_kernel, matrix<float>(logits),
           labels.row<int32_t>(), gradient_scale, losses.row<float>());
  });
}

}  // namespace peft::cuda
