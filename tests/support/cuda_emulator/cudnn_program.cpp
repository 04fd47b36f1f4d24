#include "cudnn_program.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "queue.h"

namespace cuda_emulator {
namespace {

using Shape4 = std::array<int64_t, 4>;

int64_t elements(const Shape4& d) { return d[0] * d[1] * d[2] * d[3]; }
int64_t at(const Shape4& d, int64_t a, int64_t b, int64_t c, int64_t e) {
  return ((a * d[1] + b) * d[2] + c) * d[3] + e;
}
float rounded(float value, cudnnDataType_t type) {
  if (type == CUDNN_DATA_INT32) return std::trunc(value);
  if (type != CUDNN_DATA_BFLOAT16 || !std::isfinite(value)) return value;
  const auto bits = std::bit_cast<uint32_t>(value);
  return std::bit_cast<float>((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u);
}
int64_t bytes_of(cudnnDataType_t type) { return type == CUDNN_DATA_BFLOAT16 ? 2 : type == CUDNN_DATA_BOOLEAN ? 1 : 4; }

float pointwise(int mode, float x, float b, float t) {
  switch (mode) {
    case CUDNN_POINTWISE_ADD:
      return x + b;
    case CUDNN_POINTWISE_SUB:
      return x - b;
    case CUDNN_POINTWISE_MUL:
      return x * b;
    case CUDNN_POINTWISE_DIV:
      return x / b;
    case CUDNN_POINTWISE_EXP:
      return std::exp(x);
    case CUDNN_POINTWISE_LOG:
      return std::log(x);
    case CUDNN_POINTWISE_CMP_GT:
      return x > b;
    case CUDNN_POINTWISE_CMP_GE:
      return x >= b;
    case CUDNN_POINTWISE_CMP_LT:
      return x < b;
    case CUDNN_POINTWISE_LOGICAL_AND:
      return x != 0 && b != 0;
    default:  // CUDNN_POINTWISE_BINARY_SELECT
      return t != 0 ? x : b;
  }
}

// One run: numbers of virtual tensors, memory of the others.
class Run {
 public:
  Run(const std::map<int64_t, CudnnTensor>& tensors, const std::map<int64_t, std::byte*>& addresses)
      : tensors_(tensors), addresses_(addresses) {}

  const CudnnTensor& tensor(int64_t name) const { return tensors_.at(name); }
  // `kept`: where numbers from memory go.
  const std::vector<float>& take(int64_t name, std::vector<float>& kept) {
    const CudnnTensor& t = tensor(name);
    if (t.is_virtual) return numbers_.at(name);
    std::vector<float>& values = kept;
    values.assign(static_cast<size_t>(elements(t.dimensions)), 0);
    each(t, [&](int64_t index, const std::byte* from) {
      float& value = values[static_cast<size_t>(index)];
      if (t.type == CUDNN_DATA_BFLOAT16) {
        uint16_t bits;
        std::memcpy(&bits, from, sizeof bits);
        value = std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
      } else if (t.type == CUDNN_DATA_INT32) {
        int32_t whole;
        std::memcpy(&whole, from, sizeof whole);
        value = static_cast<float>(whole);
      } else {
        std::memcpy(&value, from, sizeof value);
      }
    });
    return values;
  }
  void give(int64_t name, std::vector<float> values) {
    const CudnnTensor& t = tensor(name);
    for (float& value : values) value = rounded(value, t.type);
    if (t.is_virtual) {
      numbers_[name] = std::move(values);
      return;
    }
    each(t, [&](int64_t index, std::byte* to) {
      const float value = values[static_cast<size_t>(index)];
      const auto half = static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
      if (t.type == CUDNN_DATA_BFLOAT16)
        std::memcpy(to, &half, sizeof half);
      else
        std::memcpy(to, &value, sizeof value);
    });
  }
  void forget(int64_t name) { numbers_.erase(name); }
  // How much of a dimension there is in a document.
  int64_t length(int64_t lengths, int64_t whole, int64_t document) const {
    return lengths == 0 ? whole : std::min<int64_t>(whole, number(lengths, document));
  }

 private:
  int32_t number(int64_t name, int64_t index) const {
    int32_t value;
    std::memcpy(&value, addresses_.at(name) + index * 4, sizeof value);
    return value;
  }
  // visit(index among the dimensions, address) for the elements in memory that there are.
  template <typename Visit>
  void each(const CudnnTensor& t, const Visit& visit) const {
    std::byte* const base = addresses_.at(t.name);
    const Shape4& d = t.dimensions;
    const int64_t size = bytes_of(t.type);
    for (int64_t a = 0; a < d[0]; ++a) {
      const int64_t begin = t.offsets == 0 ? a * t.strides[0] : number(t.offsets, a);
      const int64_t rows = length(t.lengths[2], d[2], a), columns = length(t.lengths[3], d[3], a);
      if (t.offsets != 0) {
        const int64_t used = t.lengths[2] != 0 ? rows * t.strides[2] : columns * t.strides[3];
        if (used > number(t.offsets, a + 1) - begin)
          lose_device(cudaErrorIllegalAddress, "a document of cuDNN's reaches into the next");
      }
      for (int64_t b = 0; b < d[1]; ++b)
        for (int64_t c = 0; c < rows; ++c)
          for (int64_t e = 0; e < columns; ++e)
            visit(at(d, a, b, c, e), base + (begin + b * t.strides[1] + c * t.strides[2] + e * t.strides[3]) * size);
    }
  }

  const std::map<int64_t, CudnnTensor>& tensors_;
  const std::map<int64_t, std::byte*>& addresses_;
  std::map<int64_t, std::vector<float>> numbers_;
};

void run_pointwise(const CudnnOperation& o, Run& run) {
  const Shape4 d = run.tensor(o.y).dimensions;
  std::vector<float> y(static_cast<size_t>(elements(d)));
  struct Operand {
    std::vector<float> kept = {0};
    const float* values = kept.data();
    Shape4 steps{};
  };
  Operand x, b, t;
  const auto read = [&](int64_t name, Operand& operand) {
    if (name == 0 || o.mode == CUDNN_POINTWISE_GEN_INDEX) return;
    const Shape4& own = run.tensor(name).dimensions;
    operand.values = run.take(name, operand.kept).data();
    for (size_t i = 0; i < 4; ++i)
      operand.steps[i] = own[i] == 1 ? 0 : at(own, i == 0, i == 1, i == 2, i == 3);
  };
  read(o.x, x);
  read(o.b, b);
  read(o.t, t);
  const auto row = [](const Operand& from, const Shape4& i) {
    return from.values + from.steps[0] * i[0] + from.steps[1] * i[1] + from.steps[2] * i[2];
  };
  float* to = y.data();
  Shape4 i{};
  for (i[0] = 0; i[0] < d[0]; ++i[0])
    for (i[1] = 0; i[1] < d[1]; ++i[1])
      for (i[2] = 0; i[2] < d[2]; ++i[2]) {
        const float *const x_row = row(x, i), *const b_row = row(b, i), *const t_row = row(t, i);
        for (i[3] = 0; i[3] < d[3]; ++i[3])
          *to++ = o.mode == CUDNN_POINTWISE_GEN_INDEX
                      ? static_cast<float>(i[static_cast<size_t>(o.axis)])
                      : pointwise(o.mode, x_row[x.steps[3] * i[3]], b_row[b.steps[3] * i[3]], t_row[t.steps[3] * i[3]]);
      }
  run.give(o.y, std::move(y));
}

// Onto dimensions of fewer elements; a group of heads onto one.
void run_reduction(const CudnnOperation& o, Run& run) {
  const Shape4 from = run.tensor(o.x).dimensions, to = run.tensor(o.y).dimensions;
  const bool maximum = o.mode == CUDNN_REDUCE_TENSOR_MAX;
  std::vector<float> kept;
  const std::vector<float>& x = run.take(o.x, kept);
  std::vector<float> y(static_cast<size_t>(elements(to)), maximum ? -INFINITY : 0.0f);
  size_t next = 0;
  for (int64_t a = 0; a < from[0]; ++a)
    for (int64_t b = 0; b < from[1]; ++b)
      for (int64_t c = 0; c < from[2]; ++c)
        for (int64_t e = 0; e < from[3]; ++e) {
          float& sum = y[static_cast<size_t>(at(to, a * to[0] / from[0], b * to[1] / from[1], c * to[2] / from[2],
                                                e * to[3] / from[3]))];
          const float value = x[next++];
          sum = maximum ? std::max(sum, value) : sum + value;
        }
  run.give(o.y, std::move(y));
}

void run_matmul(const CudnnOperation& o, Run& run) {
  const Shape4 ad = run.tensor(o.x).dimensions, bd = run.tensor(o.b).dimensions, yd = run.tensor(o.y).dimensions;
  std::vector<float> a_kept, b_kept;
  const std::vector<float>&a = run.take(o.x, a_kept), &b = run.take(o.b, b_kept);
  std::vector<float> y(static_cast<size_t>(elements(yd)));
  for (int64_t document = 0; document < yd[0]; ++document) {
    const int64_t m = run.length(o.m, yd[2], document), n = run.length(o.n, yd[3], document),
                  k = run.length(o.k, ad[3], document);
    for (int64_t head = 0; head < yd[1]; ++head)
      for (int64_t i = 0; i < m; ++i) {
        float* const row = &y[static_cast<size_t>(at(yd, document, head, i, 0))];
        for (int64_t l = 0; l < k; ++l) {
          const float factor = a[static_cast<size_t>(at(ad, document, head * ad[1] / yd[1], i, l))];
          const float* const other = &b[static_cast<size_t>(at(bd, document, head * bd[1] / yd[1], l, 0))];
          for (int64_t j = 0; j < n; ++j) row[j] += factor * other[j];
        }
      }
  }
  run.give(o.y, std::move(y));
}

// Only the exchange of the last two dimensions, with the strides: the same elements in memory.
void run_reshape(const CudnnOperation& o, Run& run) {
  const Shape4 from = run.tensor(o.x).dimensions, to = run.tensor(o.y).dimensions;
  std::vector<float> kept;
  const std::vector<float>& x = run.take(o.x, kept);
  std::vector<float> y(x.size());
  for (int64_t a = 0; a < to[0]; ++a)
    for (int64_t b = 0; b < to[1]; ++b)
      for (int64_t c = 0; c < to[2]; ++c)
        for (int64_t e = 0; e < to[3]; ++e)
          y[static_cast<size_t>(at(to, a, b, c, e))] = x[static_cast<size_t>(at(from, a, b, e, c))];
  run.give(o.y, std::move(y));
}

}  // namespace

void CudnnProgram::tensor(const CudnnTensor& tensor) {
  const auto [found, fresh] = tensors_.emplace(tensor.name, tensor);
  if (!fresh && (found->second.dimensions != tensor.dimensions || found->second.strides != tensor.strides))
    complain("two tensors of one name");
}

void CudnnProgram::bound(int64_t name, const Shape4& lengths) {
  CudnnTensor& t = tensors_.at(name);
  for (size_t i = 0; i < 4; ++i)
    if (t.lengths[i] == 0 && t.dimensions[i] > 1) t.lengths[i] = lengths[i];
}

void CudnnProgram::finish() {
  for (const CudnnOperation& o : operations_) {
    if (o.kind != CudnnOperationKind::matmul) continue;
    const Shape4 &a = tensors_.at(o.x).dimensions, &b = tensors_.at(o.b).dimensions, &y = tensors_.at(o.y).dimensions;
    if (a[2] != y[2] || a[3] != b[2] || b[3] != y[3] || a[1] > y[1] || y[1] % b[1] != 0)
      complain("dimensions of a product");
    bound(o.x, {0, 0, o.m, o.k});
    bound(o.b, {0, 0, o.k, o.n});
    bound(o.y, {0, 0, o.m, o.n});
  }
  for (const CudnnOperation& o : operations_) {
    const CudnnTensor &x = tensors_.at(o.x), &y = tensors_.at(o.y);
    if (o.kind == CudnnOperationKind::pointwise) {
      if (o.b != 0 && !tensors_.at(o.b).by_value && tensors_.at(o.b).offsets != 0) bound(o.b, x.lengths);
      bound(o.y, x.lengths);
    } else if (o.kind == CudnnOperationKind::reduction) {
      bound(o.y, x.lengths);
    } else if (o.kind == CudnnOperationKind::reshape) {
      if (x.strides[2] != y.strides[3] || x.strides[3] != y.strides[2]) complain("a reshape that is no transpose");
      bound(o.y, {x.lengths[0], x.lengths[1], x.lengths[3], x.lengths[2]});
    }
  }
  for (const auto& [name, t] : tensors_) {
    if (t.offsets != 0 && !t.is_virtual && t.lengths[2] == 0 && t.lengths[3] == 0)
      complain("documents without lengths");
    if (t.offsets != 0 && tensors_.at(t.offsets).dimensions != Shape4{t.dimensions[0] + 1, 1, 1, 1})
      complain("offsets of another number of documents");
  }
}

// As plans of cuDNN 9.19 do: a backward pass keeps the scores' gradients and, of grouped heads, those of keys and
// values.
int64_t CudnnProgram::workspace_bytes() const {
  int64_t bytes = 17152, turned = 0;
  for (const CudnnOperation& o : operations_) {
    const CudnnTensor& x = tensors_.at(o.x);
    if (o.kind == CudnnOperationKind::reshape && x.is_virtual) turned = 2 * elements(x.dimensions);
    if (o.kind == CudnnOperationKind::reduction && x.type == CUDNN_DATA_BFLOAT16) bytes += 2 * elements(x.dimensions);
  }
  return bytes + turned;
}

void CudnnProgram::run(const std::map<int64_t, std::byte*>& addresses) const {
  Run run(tensors_, addresses);
  std::map<int64_t, size_t> last_use;
  for (size_t i = 0; i < operations_.size(); ++i)
    for (const int64_t name : {operations_[i].x, operations_[i].b, operations_[i].t}) last_use[name] = i;
  for (size_t i = 0; i < operations_.size(); ++i) {
    const CudnnOperation& o = operations_[i];
    switch (o.kind) {
      case CudnnOperationKind::pointwise:
        run_pointwise(o, run);
        break;
      case CudnnOperationKind::reduction:
        run_reduction(o, run);
        break;
      case CudnnOperationKind::matmul:
        run_matmul(o, run);
        break;
      case CudnnOperationKind::reshape:
        run_reshape(o, run);
        break;
    }
    for (const int64_t name : {o.x, o.b, o.t})
      if (last_use[name] == i) run.forget(name);
  }
}

}  // namespace cuda_emulator
