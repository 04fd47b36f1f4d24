#include "tensor/storage.h"

#include <algorithm>

#include "base/error.h"

namespace peft {
namespace {

class SourceStorage final : public Storage {
 public:
  SourceStorage(std::shared_ptr<MemorySource> source, int64_t bytes)
      : Storage(source->allocate(taken(bytes)), bytes), source_(std::move(source)) {}
  SourceStorage(const SourceStorage&) = delete;
  SourceStorage& operator=(const SourceStorage&) = delete;
  ~SourceStorage() override { source_->release(data_, taken(bytes_)); }

 private:
  // An empty buffer has an address too: a null one would read as "absent" in a view.
  static int64_t taken(int64_t bytes) { return std::max<int64_t>(bytes, 1); }

  std::shared_ptr<MemorySource> source_;
};

}  // namespace

std::shared_ptr<Storage> make_storage(std::shared_ptr<MemorySource> source, int64_t bytes) {
  PEFT_ASSERT(source != nullptr && bytes >= 0);
  return std::make_shared<SourceStorage>(std::move(source), bytes);
}

}  // namespace peft
