// Column sums that kernels of other files need too.
#pragma once

#include "tensor/view.h"

namespace peft {

// y[c] += sum_r a[r,c] b[r,c]; without b, sum_r a[r,c].  a, b [r,c]; y [c]. Error about 1e-7 of the sum of
// magnitudes.
void add_column_sums(ConstView a, ConstView b, View y, int threads);

}  // namespace peft
