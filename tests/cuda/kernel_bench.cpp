// Bandwidth of the kernels that memory bounds, as a share of a plain copy's on the same device in the same run; and
// what adapters of their own cost the rows of a batch.
//   cuda_kernel_bench [DEVICE [MEGABYTES]]      cuda:0 and 512 unless told; prints one JSON object
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "devices/devices.h"
#include "tensor/context.h"

namespace peft {
namespace {

constexpr int turns = 5, calls = 10;

// Median seconds of one call.
double seconds_of(Context& context, const std::function<void()>& call) {
  call();
  context.backend().synchronize();
  std::vector<double> seconds;
  for (int turn = 0; turn < turns; ++turn) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) call();
    context.backend().synchronize();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / calls);
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[turns / 2];
}

// Values from a seed, about normal: a GPU that is given zeros or constants takes less power, and so runs faster.
Tensor random(Context& context, const Shape& shape, DType dtype = DType::f32, float deviation = 1) {
  static uint64_t state = 1;
  std::vector<float> values(static_cast<size_t>(shape.elements()));
  for (float& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const uint64_t sum = (state >> 48) + ((state >> 32) & 0xffff) + ((state >> 16) & 0xffff);  // of three even ones
    value = deviation * (static_cast<float>(sum) / 32768 - 3);
  }
  Tensor result = context.from_host(values, shape);
  if (dtype == DType::f32) return result;
  Tensor rounded = context.empty(shape, dtype);
  context.backend().copy(result.const_view(), rounded.view());
  return rounded;
}

struct Adapters {
  double ratio = 0;                            // seconds with one adapter by those with one for each row
  double bytes_of_one = 0, bytes_of_many = 0;  // of weights that either reads
};

// A linear layer over 64 rows as a session in bfloat16 runs it: with one adapter for all rows by products in bf16
// (add_low_rank's shrink and expand_add), with an adapter for each row by two kernels for all of them
// (add_row_updates). Calls go round several layers, as those of a model do: none finds its weights in a cache.
Adapters one_adapter_beside_many(Context& context, int64_t width) {
  constexpr int64_t rows = 64, rank = 16;
  constexpr size_t layers = 4;
  constexpr float scale = 0.02f;
  Backend& backend = context.backend();
  const DType activation = backend.bfloat16_activations() ? DType::bf16 : DType::f32;
  const Tensor x = random(context, {rows, width}, activation);
  struct Layer {
    Tensor weight, a, b;  // a and b: of the rows' adapters, one below the other; the first serves as the one for all
    std::vector<GroupedRows> shrink, expand;
  };
  std::vector<Layer> all(layers);
  for (Layer& layer : all) {
    layer.weight = random(context, {width, width}, DType::bf16, scale);
    layer.a = random(context, {rows * rank, width}, DType::f32, scale);
    layer.b = random(context, {rows * width, rank}, DType::f32, scale);
    for (int32_t row = 0; row < rows; ++row) {
      GroupedRows shrink, expand;
      shrink.first_row = expand.first_row = row;
      shrink.row_count = expand.row_count = 1;
      shrink.outputs = expand.inner = rank;
      shrink.inner = expand.outputs = static_cast<int32_t>(width);
      shrink.b = layer.a.const_view().row<float>(row * rank);
      expand.b = layer.b.const_view().row<float>(row * width);
      shrink.b_stride = width;
      expand.b_stride = rank;
      layer.shrink.push_back(shrink);
      layer.expand.push_back(expand);
    }
  }
  Tensor y = context.empty({rows, width}, activation), h = context.empty({rows, rank}, activation);
  Tensor own_h = context.empty({rows, rank});
  const auto matmul = [&](const ConstView& left, const ConstView& right, bool accumulate, const View& result) {
    MatmulOptions options;
    options.arithmetic = Arithmetic::bfloat16;
    options.accumulate = accumulate;
    Tensor scratch =
        context.scratch(backend.matmul_scratch(options, left.shape, right.shape, left.dtype, right.dtype));
    backend.matmul(options, left, right, result, scratch.view());
  };
  size_t turn = 0;
  const auto base = [&]() -> const Layer& {
    const Layer& layer = all[turn++ % layers];
    matmul(x.const_view(), layer.weight.const_view(), false, y.view());
    return layer;
  };
  const double one = seconds_of(context, [&] {
    const Layer& layer = base();
    matmul(x.const_view(), layer.a.const_view().row_range(0, rank), false, h.view());
    matmul(h.const_view(), layer.b.const_view().row_range(0, width), true, y.view());
  });
  const double many = seconds_of(context, [&] {
    const Layer& layer = base();
    backend.grouped_matmul(layer.shrink.data(), rows, x.const_view(), false, own_h.view());
    backend.grouped_matmul(layer.expand.data(), rows, own_h.const_view(), true, y.view());
  });
  const auto weight_bytes = static_cast<double>(2 * width * width);
  const auto adapter_bytes = static_cast<double>(4 * 2 * rank * width);
  return {one / many, weight_bytes + adapter_bytes, weight_bytes + rows * adapter_bytes};
}

void bench(Device& device, int64_t megabytes) {
  Context context(device.create_backend(0));
  constexpr int64_t columns = 4096;
  const int64_t rows = std::max<int64_t>(megabytes * 1000000 / (columns * 4), 1);
  const int64_t elements = rows * columns;
  const auto float_bytes = static_cast<double>(elements) * 4;

  const auto rate = [&](double bytes, const std::function<void()>& call) {
    return bytes / seconds_of(context, call) / 1e9;
  };
  const Tensor x = random(context, {rows, columns});
  Tensor y = context.empty({rows, columns});
  const double copy = rate(2 * float_bytes, [&] { context.backend().copy(x.const_view(), y.view()); });

  // In the type that flows between layers.
  const DType activation = context.backend().bfloat16_activations() ? DType::bf16 : DType::f32;
  const double activation_bytes = static_cast<double>(storage_bytes(activation, {rows, columns}));
  const Tensor weight = random(context, {columns});
  Tensor rstd = context.empty({rows}), norm_x = context.empty({rows, columns}, activation);
  Tensor norm_y = context.empty({rows, columns}, activation);
  context.backend().copy(x.const_view(), norm_x.view());
  const double norm = rate(2 * activation_bytes, [&] {
    context.backend().rms_norm(norm_x.const_view(), weight.const_view(), 1e-5f, norm_y.view(), rstd.view());
  });

  Tensor codes = context.empty({rows, columns}, DType::nf4_double);
  context.backend().quantize_nf4(x.const_view(), codes.view());
  Tensor decoded = context.empty({rows, columns}, DType::bf16);
  const double code_bytes = static_cast<double>(storage_bytes(DType::nf4_double, {rows, columns}));
  const double dequantize = rate(code_bytes + static_cast<double>(elements) * 2, [&] {
    context.backend().dequantize(codes.const_view(), decoded.view());
  });

  Tensor first = context.zeros({rows, columns}), second = context.zeros({rows, columns});
  AdamWOptions options;
  options.learning_rate = 1e-4f;
  const double adamw = rate(7 * float_bytes, [&] {
    context.backend().adamw(options, x.const_view(), y.view(), first.view(), second.view());
  });

  const Adapters adapters = one_adapter_beside_many(context, megabytes < 64 ? 64 : columns);
  std::printf(
      "{\"device\": \"%s\", \"megabytes\": %lld, \"copy_gb_per_second\": %.1f, \"rms_norm\": %.4f, "
      "\"dequantize_nf4\": %.4f, \"adamw\": %.4f, "
      "\"adapters_64\": {\"ratio\": %.4f, \"bytes_of_one\": %.0f, \"bytes_of_64\": %.0f}}\n",
      device.description().c_str(), static_cast<long long>(megabytes), copy, norm / copy, dequantize / copy,
      adamw / copy, adapters.ratio, adapters.bytes_of_one, adapters.bytes_of_many);
}

}  // namespace
}  // namespace peft

int main(int count, char** arguments) {
  try {
    peft::bench(peft::find_device(count > 1 ? arguments[1] : "cuda:0"), count > 2 ? std::atoll(arguments[2]) : 512);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cuda_kernel_bench: %s\n", error.what());
    return 1;
  }
}
