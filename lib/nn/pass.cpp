#include "nn/pass.h"

namespace peft {

Pass::Pass(Workspace& workspace, std::span<const int32_t> ids, RowMap rows, std::vector<ActiveAdapters> adapters,
           std::vector<KvSequence*> sequences, PassOptions options)
    : workspace_(workspace),
      ids_(ids.begin(), ids.end()),
      rows_(std::move(rows)),
      adapters_(std::move(adapters)),
      sequences_(std::move(sequences)),
      options_(options) {
  PEFT_ASSERT(rows_.tokens() == static_cast<int64_t>(ids_.size()));
  PEFT_ASSERT(sequences_.empty() || sequences_.size() == rows_.rows().size());
  int32_t next = 0;
  for (const ActiveAdapters& active : adapters_) {
    PEFT_ASSERT(active.first_row >= next && active.row_count > 0);
    next = active.first_row + active.row_count;
  }
  PEFT_ASSERT(next <= static_cast<int32_t>(rows_.rows().size()));
}

Offload* Pass::offload() {
  if (options_.offload_activations && !offload_) offload_ = std::make_unique<Offload>(context());
  return offload_.get();
}

// An adapter's own copy of a base parameter acts on whole passes: rows of different copies are separate passes.
Tensor Pass::parameter(const Parameter& parameter, ParameterId id) const {
  Tensor replacement;
  for (const ActiveAdapters& active : adapters_) {
    for (const auto& adapter : active.adapters) {
      Tensor own = adapter->parameter(id);
      if (!own) continue;
      check(!replacement, Code::unsupported, "two active adapters both replace '{}'", parameter.path);
      check(active.row_count == static_cast<int32_t>(rows_.rows().size()), Code::unsupported,
            "an adapter with its own copy of '{}' must be active for every row of the batch", parameter.path);
      replacement = own;
    }
  }
  return replacement ? replacement : parameter.value;
}

}  // namespace peft
