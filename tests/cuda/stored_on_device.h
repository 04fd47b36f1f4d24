// Stored matrices (cpu/stored.h) in a device's memory.
#pragma once

#include "cuda/device_matrix.h"  // before cpu/stored.h, whose namespace peft::testing hides GoogleTest's

#include "cpu/stored.h"

namespace peft {

using peft::testing::decodable_types;
using peft::testing::Stored;

// The bytes of one; its view lives as long as this does. `lead`: elements before the first, plain types only.
class StoredOnDevice {
 public:
  StoredOnDevice(Context& context, const Stored& stored, int64_t lead = 0) : view_(stored.view()) {
    const int64_t skip = is_quantized(view_.dtype) ? 0 : lead * traits(view_.dtype).block_bytes;
    const int64_t bytes = storage_bytes(view_.dtype, Shape{view_.rows(), view_.row_stride});
    storage_ = make_storage(context.backend().memory(), std::max<int64_t>(1, skip + bytes));
    context.backend().copy_from_host(view_.data, storage_->data() + skip, bytes);
    view_.data = storage_->data() + skip;
  }
  const ConstView& view() const { return view_; }

 private:
  ConstView view_;
  std::shared_ptr<Storage> storage_;
};

// `columns` rounded up to whole blocks of a row.
inline int64_t whole_blocks(DType dtype, int64_t columns) {
  const int64_t block = is_nf4(dtype) ? 1 : traits(dtype).block_elements;
  return (columns + block - 1) / block * block;
}

}  // namespace peft
