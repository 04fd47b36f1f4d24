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

// Seconds of one linear layer over `rows` rows with one adapter, by those with an adapter for each row.
double one_adapter_by_many(Context& context, int64_t width) {
  constexpr int64_t rows = 64, rank = 16;
  Backend& backend = context.backend();
  const Tensor x = context.zeros({rows, width}), weight = context.zeros({width, width}, DType::bf16);
  const Tensor a = context.zeros({rows * rank, width}), b = context.zeros({rows * width, rank});
  Tensor h = context.zeros({rows, rank}), y = context.zeros({rows, width});
  const auto matmul = [&](const ConstView& left, const ConstView& right, bool accumulate, Arithmetic arithmetic,
                          const View& result) {
    MatmulOptions options;
    options.arithmetic = arithmetic;
    options.accumulate = accumulate;
    Tensor scratch =
        context.scratch(backend.matmul_scratch(options, left.shape, right.shape, left.dtype, right.dtype));
    backend.matmul(options, left, right, result, scratch.view());
  };
  const auto base = [&] { matmul(x.const_view(), weight.const_view(), false, Arithmetic::bfloat16, y.view()); };
  const Tensor first_a = context.zeros({rank, width}), first_b = context.zeros({width, rank});
  const double one = seconds_of(context, [&] {
    base();
    matmul(x.const_view(), first_a.const_view(), false, Arithmetic::float32, h.view());
    matmul(h.const_view(), first_b.const_view(), true, Arithmetic::float32, y.view());
  });
  std::vector<GroupedRows> shrink(rows), expand(rows);
  for (int32_t row = 0; row < rows; ++row) {
    const auto at = static_cast<size_t>(row);
    shrink[at].first_row = expand[at].first_row = row;
    shrink[at].row_count = expand[at].row_count = 1;
    shrink[at].outputs = expand[at].inner = rank;
    shrink[at].inner = expand[at].outputs = static_cast<int32_t>(width);
    shrink[at].b = a.const_view().row<float>() + row * rank * width;
    expand[at].b = b.const_view().row<float>() + row * width * rank;
    shrink[at].b_stride = width;
    expand[at].b_stride = rank;
  }
  const double many = seconds_of(context, [&] {
    base();
    backend.grouped_matmul(shrink.data(), rows, x.const_view(), false, h.view());
    backend.grouped_matmul(expand.data(), rows, h.const_view(), true, y.view());
  });
  return one / many;
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
  Tensor x = context.zeros({rows, columns}), y = context.empty({rows, columns});
  context.backend().fill(x.view(), 0.5f);
  const double copy = rate(2 * float_bytes, [&] { context.backend().copy(x.const_view(), y.view()); });

  // In the type that flows between layers.
  const DType activation = context.backend().bfloat16_activations() ? DType::bf16 : DType::f32;
  const double activation_bytes = static_cast<double>(storage_bytes(activation, {rows, columns}));
  const Tensor weight = context.zeros({columns});
  Tensor rstd = context.empty({rows}), norm_x = context.zeros({rows, columns}, activation);
  Tensor norm_y = context.empty({rows, columns}, activation);
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

  std::printf(
      "{\"device\": \"%s\", \"megabytes\": %lld, \"copy_gb_per_second\": %.1f, \"rms_norm\": %.4f, "
      "\"dequantize_nf4\": %.4f, \"adamw\": %.4f, \"adapters_64\": %.4f}\n",
      device.description().c_str(), static_cast<long long>(megabytes), copy, norm / copy, dequantize / copy,
      adamw / copy, one_adapter_by_many(context, megabytes < 64 ? 64 : columns));
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
