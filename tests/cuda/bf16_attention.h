// Attention problems whose numbers are bf16, so that a device and the reference (cpu/attention_reference.h) see the
// same.
#pragma once

#include <functional>
#include <limits>
#include <vector>

#include "base/half.h"
#include "cuda/device_matrix.h"

// Behind the others: from here on `testing` is peft::testing inside of peft.
#include "cpu/attention_reference.h"

namespace peft {

using HalfMatrix = DeviceMatrix<uint16_t>;

inline float from_half(uint16_t value) { return bfloat16_to_float(value); }

inline void round_to_half(testing::AttentionProblem& problem) {
  for (testing::Floats32* grid : {&problem.q, &problem.k, &problem.v, &problem.dout})
    for (int64_t r = 0; r < grid->rows(); ++r)
      for (int64_t c = 0; c < grid->columns(); ++c)
        grid->at(r, c) = from_half(float_to_bfloat16(grid->at(r, c)));
}

inline HalfMatrix halves(Context& context, const testing::Floats32& from, Placement place = {}) {
  HalfMatrix result(context, from.rows(), from.columns(), place);
  for (int64_t r = 0; r < from.rows(); ++r)
    for (int64_t c = 0; c < from.columns(); ++c) result.at(r, c) = float_to_bfloat16(from.at(r, c));
  return result;
}
inline testing::Floats32 floats(const HalfMatrix& from) {
  testing::Floats32 result(from.rows(), from.columns());
  for (int64_t r = 0; r < from.rows(); ++r)
    for (int64_t c = 0; c < from.columns(); ++c) result.at(r, c) = from_half(from.at(r, c));
  return result;
}
inline testing::Floats32 floats(const FloatMatrix& from) {
  testing::Floats32 result(from.rows(), from.columns());
  for (int64_t r = 0; r < from.rows(); ++r)
    for (int64_t c = 0; c < from.columns(); ++c) result.at(r, c) = from.at(r, c);
  return result;
}

// Memory of one call of each pass on a device; what is written begins as 99 or NaN. `gap`: elements between rows.
struct HalfAttention {
  Context& context;
  testing::AttentionProblem& problem;
  HalfMatrix q, k, v, dout, out, dq, dk, dv;
  FloatMatrix lse;
  IndexMatrix segments;

  HalfAttention(Context& c, testing::AttentionProblem& p, int64_t gap = 0)
      : context(c),
        problem(p),
        q(halves(c, p.q, {gap, 0})),
        k(halves(c, p.k, {2 * gap, 0})),
        v(halves(c, p.v, {3 * gap, 0})),
        dout(halves(c, p.dout, {gap, 0})),
        out(c, p.q.rows(), p.q.columns(), {2 * gap, 0}),
        dq(c, p.q.rows(), p.q.columns(), {3 * gap, 0}),
        dk(c, p.k.rows(), p.k.columns(), {gap, 0}),
        dv(c, p.k.rows(), p.k.columns(), {2 * gap, 0}),
        lse(c, p.q.rows(), p.options.heads, {gap, 0}),
        segments(c, p.segments.rows(), 4) {
    for (HalfMatrix* matrix : {&out, &dq, &dk, &dv}) matrix->fill(0x7fc0);
    lse.fill(99);
    for (int64_t s = 0; s < segments.rows(); ++s)
      for (int64_t i = 0; i < 4; ++i) segments.at(s, i) = p.segments.at(s, i);
  }

  FloatMatrix scratch_of(int64_t bytes) {
    FloatMatrix scratch(context, 1, (bytes + 3) / 4);
    scratch.fill(std::numeric_limits<float>::quiet_NaN());
    return scratch;
  }
  bool guards_intact() const {
    return out.guards_intact() && lse.guards_intact() && dq.guards_intact() && dk.guards_intact() &&
           dv.guards_intact();
  }
};

}  // namespace peft
