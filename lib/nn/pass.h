// One forward pass: the tokens, who changes the layers, where keys and values go. Must live until the backward walk of what
// it recorded is done. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "autograd/offload.h"
#include "nn/hooks.h"
#include "nn/kv_cache.h"
#include "nn/rows.h"
#include "tensor/context.h"

namespace peft {

class Transformer;

// What a trainer or session keeps between passes: rope tables on its device.
class Workspace {
 public:
  explicit Workspace(Context& context) : context_(context) {}
  Context& context() { return context_; }
  // cos | sin for positions [0, at least `positions`), f32 [n, rotary_dim]. Grown by doubling.
  Tensor rope_table(const RopeSpec& rope, int64_t positions);

 private:
  struct Entry {
    RopeSpec rope;
    Tensor table;
  };
  Context& context_;
  std::vector<Entry> tables_;
};

// Where the rows of an activation come from: what dropout counts by and which adapters see which rows.
struct Placement {
  struct Span {
    int64_t begin = 0, count = 0;
  };
  Tensor row_ids;           // i32 [rows, 2]: row id and position of each activation row
  std::vector<Span> spans;  // activation rows of each entry of Pass::adapters(), ascending
  Placement row_range(int64_t begin, int64_t count) const;
};

struct PassOptions {
  bool training = false;              // dropout acts
  bool checkpoint_activations = false;  // keep only each layer's input, run the layer again in the backward walk
  bool offload_activations = false;     // and that in host memory
  uint64_t seed = 0;                  // dropout's key
  uint32_t step = 0;                  // dropout's counter
};

class Pass {
 public:
  // `ids` token ids of all rows, concatenated in the order of `rows`. `sequences`: one cache per row, or empty.
  Pass(Workspace& workspace, std::span<const int32_t> ids, RowMap rows, std::vector<ActiveAdapters> adapters = {},
       std::vector<KvSequence*> sequences = {}, PassOptions options = {});

  Context& context() const { return workspace_.context(); }
  Workspace& workspace() const { return workspace_; }
  const PassOptions& options() const { return options_; }
  std::span<const int32_t> ids() const { return ids_; }
  const RowMap& rows() const { return rows_; }
  void replace_rows(RowMap rows) { rows_ = std::move(rows); }  // prompts lengthen rows
  const std::vector<ActiveAdapters>& adapters() const { return adapters_; }
  const std::vector<KvSequence*>& sequences() const { return sequences_; }
  bool cached() const { return !sequences_.empty(); }

  // Set by Transformer::forward once the final rows are known.
  RowMap::DeviceRows device;
  Placement placement;            // of the activations that hooks see now
  Tensor page_table;             // i64 [rows, pages] when cached
  Tensor rope_table;             // when the model rotates
  int64_t longest_key_count = 0;  // over rows, when cached

  // Where checkpointed layers leave their inputs; null: with themselves.
  Offload* offload();

  // The base parameter, or the copy of the adapter that replaces it (the same for all rows).
  Tensor parameter(const Parameter& parameter, ParameterId id) const;

 private:
  Workspace& workspace_;
  std::vector<int32_t> ids_;
  RowMap rows_;
  std::vector<ActiveAdapters> adapters_;
  std::vector<KvSequence*> sequences_;
  PassOptions options_;
  std::unique_ptr<Offload> offload_;
};

}  // namespace peft
