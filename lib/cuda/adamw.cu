// torch.optim.AdamW in one pass: 16 bytes read and 12 written for each parameter.
#include <cmath>

#include "cuda/cuda_backend.h"
#include "cuda/spans.cuh"
#include "cuda/vector.cuh"

namespace peft::cuda {
namespace {

// The order of operations is torch's: decay, lerp, square, then parameter -= step * m / (sqrt(v) / sqrt(bc2) + eps).
struct AdamW {
  float gradient_scale, decay, weight1, beta2, weight2, correction2, epsilon, step;
  const float* gradient;
  float *parameter, *first, *second;

  template <int width>
  __device__ void operator()(int64_t, int64_t i) const {
    const Floats<width> g = load<width>(gradient + i);
    Floats<width> p = load<width>(static_cast<const float*>(parameter + i));
    Floats<width> m = load<width>(static_cast<const float*>(first + i));
    Floats<width> v = load<width>(static_cast<const float*>(second + i));
    for (int k = 0; k < width; ++k) {
      const float scaled = g.v[k] * gradient_scale;
      m.v[k] = fmaf(weight1, scaled - m.v[k], m.v[k]);
      v.v[k] = fmaf(weight2 * scaled, scaled, v.v[k] * beta2);
      p.v[k] = fmaf(-step, m.v[k] / (sqrtf(v.v[k]) / correction2 + epsilon), p.v[k] * decay);
    }
    store(p, parameter + i);
    store(m, first + i);
    store(v, second + i);
  }
};

}  // namespace

void CudaBackend::adamw(const AdamWOptions& options, ConstView gradient, View parameter, View first_moment,
                        View second_moment) {
  run("adamw", [&] {
    const double rate = static_cast<double>(options.learning_rate);
    AdamW body;
    body.gradient_scale = options.gradient_scale;
    body.decay = static_cast<float>(1 - rate * static_cast<double>(options.weight_decay));
    body.weight1 = static_cast<float>(1 - options.beta1);
    body.beta2 = static_cast<float>(options.beta2);
    body.weight2 = static_cast<float>(1 - options.beta2);
    body.correction2 = static_cast<float>(std::sqrt(options.bias_correction2));
    body.epsilon = options.epsilon;
    body.step = static_cast<float>(rate / options.bias_correction1);
    body.gradient = gradient.row<float>();
    body.parameter = parameter.row<float>();
    body.first = first_moment.row<float>();
    body.second = second_moment.row<float>();
    const auto aligned = [](const void* address) { return reinterpret_cast<uintptr_t>(address) % 16 == 0; };
    const bool wide = aligned(body.gradient) && aligned(body.parameter) && aligned(body.first) && aligned(body.second);
    for_floats(stream(), wide, /*dense=*/true, 1, gradient.elements(), body);
  });
}

}  // namespace peft::cuda
