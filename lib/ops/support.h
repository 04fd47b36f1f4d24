// What the ops share: checks that name op and operand, and the rules for reusing buffers.
#pragma once

#include <string_view>

#include "autograd/tape.h"
#include "tensor/context.h"

namespace peft {

inline void check_dtype(std::string_view op, std::string_view operand, const Tensor& tensor, DType expected) {
  check(tensor.defined(), Code::invalid_argument, "{}: {} is undefined", op, operand);
  check(tensor.dtype() == expected, Code::mismatch, "{}: {}: expected {}, found {}", op, operand,
        name_of(expected), name_of(tensor.dtype()));
}

inline void check_f32(std::string_view op, std::string_view operand, const Tensor& tensor) {
  check_dtype(op, operand, tensor, DType::f32);
}

// What flows between layers: f32, or bf16 on a device that has that.
inline void check_activation(std::string_view op, std::string_view operand, Context& context, const Tensor& tensor) {
  if (tensor.defined() && tensor.dtype() == DType::bf16 && context.backend().bfloat16_activations()) return;
  check_f32(op, operand, tensor);
}

inline void check_same_type(std::string_view op, std::string_view operand, const Tensor& tensor, const Tensor& like) {
  check_dtype(op, operand, tensor, like.dtype());
}

inline void check_shape(std::string_view op, std::string_view operand, const Tensor& tensor,
                        const Shape& expected) {
  check(tensor.shape() == expected, Code::mismatch, "{}: {}: expected shape {}, found {}", op, operand,
        to_string(expected), to_string(tensor.shape()));
}

inline void check_size(std::string_view op, std::string_view what, int64_t expected, int64_t found) {
  check(expected == found, Code::mismatch, "{}: {}: expected {}, found {}", op, what, expected, found);
}

// A parameter vector: [columns] or [1, columns].
inline void check_vector(std::string_view op, std::string_view operand, const Tensor& tensor,
                         int64_t columns) {
  check_f32(op, operand, tensor);
  check(tensor.rows() == 1 && tensor.columns() == columns, Code::mismatch,
        "{}: {}: expected shape [{}], found {}", op, operand, columns, to_string(tensor.shape()));
}

// True when nobody but this handle can see the buffer, so an op may write over it.
inline bool sole_holder(const Tensor& tensor) { return tensor.storage().use_count() == 1; }

// An alias of `tensor` when it is its buffer's only holder, else an uninitialised tensor of the same shape.
// In a backward function this also serves for the arriving gradient: the walk has taken it out of its target.
inline Tensor reuse_or_empty(Context& context, const Tensor& tensor) {
  return sole_holder(tensor) ? tensor.detached() : context.empty(tensor.shape(), tensor.dtype());
}

// For kernels that only add: `add(destination)` into a destination that holds zeros or earlier contributions.
template <typename Add>
void contribute_sum(Context& context, GradTarget& target, const Shape& shape, Add&& add) {
  contribute(context, target, shape, [&](View destination, bool accumulate) {
    if (!accumulate) context.backend().fill(destination, 0.0f);
    add(destination);
  });
}

}  // namespace peft
