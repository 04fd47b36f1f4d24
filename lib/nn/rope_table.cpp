// Rope angles in double precision: inverse frequencies as Transformers' modeling_rope_utils.py defines each scaling.
#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "nn/pass.h"

namespace peft {
namespace {

// llama3: long wavelengths are stretched by `factor`, short ones kept, those between blended.
double scaled_frequency(const RopeSpec& rope, double frequency) {
  switch (rope.scaling) {
    case RopeScaling::none: return frequency;
    case RopeScaling::linear: return frequency / rope.factor;
    case RopeScaling::llama3: break;
  }
  const double context = static_cast<double>(rope.original_context);
  const double wavelength = 2.0 * std::numbers::pi / frequency;
  if (wavelength < context / rope.high_frequency_factor) return frequency;
  if (wavelength > context / rope.low_frequency_factor) return frequency / rope.factor;
  const double smooth = (context / wavelength - rope.low_frequency_factor) /
                        (rope.high_frequency_factor - rope.low_frequency_factor);
  return (1.0 - smooth) * frequency / rope.factor + smooth * frequency;
}

bool same(const RopeSpec& a, const RopeSpec& b) {
  return a.base == b.base && a.rotary_dim == b.rotary_dim && a.scaling == b.scaling && a.factor == b.factor &&
         a.low_frequency_factor == b.low_frequency_factor && a.high_frequency_factor == b.high_frequency_factor &&
         a.original_context == b.original_context;
}

}  // namespace

Tensor Workspace::rope_table(const RopeSpec& rope, int64_t positions) {
  Entry* entry = nullptr;
  for (Entry& each : tables_)
    if (same(each.rope, rope)) entry = &each;
  if (entry && entry->table.rows() >= positions) return entry->table;
  const int64_t rows = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(positions, 64))));
  const int half = rope.rotary_dim / 2;
  Tensor table = context_.empty({rows, rope.rotary_dim});
  if (!context_.is_meta()) {
    std::vector<float> values(static_cast<size_t>(rows) * static_cast<size_t>(rope.rotary_dim));
    for (int i = 0; i < half; ++i) {
      const double frequency = scaled_frequency(rope, std::pow(rope.base, -2.0 * i / rope.rotary_dim));
      for (int64_t position = 0; position < rows; ++position) {
        const double angle = static_cast<double>(position) * frequency;
        float* row = values.data() + position * rope.rotary_dim;
        row[i] = static_cast<float>(std::cos(angle));
        row[half + i] = static_cast<float>(std::sin(angle));
      }
    }
    context_.backend().copy_from_host(reinterpret_cast<const std::byte*>(values.data()), table.view().data,
                                      static_cast<int64_t>(values.size() * sizeof(float)));
  }
  if (entry)
    entry->table = table;
  else
    tables_.push_back({rope, table});
  return table;
}

}  // namespace peft
