#include <cmath>

#include "capi/describe.h"
#include "capi/objects.h"
#include "capi/structs.h"
#include "peft/adapter.h"

using namespace peft;
using namespace peft::capi;

namespace {

peft_merge_options merge_defaults() {
  peft_merge_options options{};
  options.struct_size = sizeof options;
  options.minimum_retained = 0.99;
  return options;
}

peft_merge_result result_of(const MergeReport& report) {
  peft_merge_result result{};
  result.tensor_count = static_cast<int64_t>(report.tensors.size());
  result.below_minimum = report.below_minimum;
  result.minimum_retained = report.minimum_retained;
  result.mean_retained = report.mean_retained;
  return result;
}

}  // namespace

extern "C" {

peft_status peft_merge_options_init(peft_merge_options* options, size_t size) {
  return init_struct(options, size, merge_defaults());
}

peft_status peft_merge(peft_model* model, const peft_adapter* adapter, const peft_merge_options* options,
                       peft_merge_result* result) {
  return guard([&] {
    if (result) check_output(result, "result");
    const peft_merge_options given = read_struct(options, merge_defaults(), "options");
    check_flag(given.force, "force");
    check_flag(given.dry_run, "dry_run");
    check_flag(given.discard_originals, "discard_originals");
    check(std::isfinite(given.minimum_retained), Code::invalid_argument, "minimum_retained is not finite");
    const std::optional<DType> file = save_dtype_of(given.save_dtype, /*gguf=*/true);
    const auto part = shared<AdapterObject>(adapter);
    const CancelUse cancel(given.cancel);
    const Alone object(model);
    check(part->core == object->core, Code::mismatch, "adapter '{}' belongs to another model",
          part->adapter->name());
    check(!part->merged, Code::state, "adapter '{}' is merged already", part->adapter->name());
    check(part->attached, Code::state, "adapter '{}' is detached", part->adapter->name());

    const auto work = object->core->make_context();
    Transformer& transformer = object->core->model->transformer();
    MergedWeights weights =
        MergedWeights::compute(transformer, *part->adapter->snapshot(work.get()), *work, cancel.token(), file);
    MergeReport report = weights.report(given.minimum_retained);
    peft_merge_result figures = result_of(report);
    {
      const std::lock_guard lock(object->mutex);
      object->report = std::move(report);
    }
    const bool refused = figures.below_minimum > 0 && !given.force && !given.dry_run;
    if (refused || given.dry_run) {
      if (result) write_struct(result, figures);
      check(!refused, Code::refused,
            "{} of {} tensors would keep less than {} of their update (the least {:.4f}); merge into weights of "
            "a finer type, or force it",
            figures.below_minimum, figures.tensor_count, given.minimum_retained, figures.minimum_retained);
      return;
    }
    {
      const std::lock_guard lock(object->mutex);
      object->merges.reserve(object->merges.size() + 1);
      weights.apply(transformer);
      if (given.discard_originals) weights.drop_originals();
      figures.original_bytes = weights.original_bytes();
      object->merges.push_back({std::move(weights), part.object(), given.discard_originals == 0});
    }
    part->merged = true;
    figures.merged = 1;
    if (result) write_struct(result, figures);
  });
}

peft_status peft_merge_tensor_at(const peft_model* model, int64_t index, peft_merge_tensor* info, char* buf,
                                 size_t cap, size_t* len) {
  return guard([&] {
    if (info) check_output(info, "info");
    const auto object = shared<ModelObject>(model);
    const std::lock_guard lock(object->mutex);
    const std::vector<MergeTensor>& tensors = object->report.tensors;
    check(index >= 0 && static_cast<size_t>(index) < tensors.size(), Code::not_found,
          "there is no merged tensor {}; the report has {}", index, tensors.size());
    const MergeTensor& tensor = tensors[static_cast<size_t>(index)];
    deliver_text(tensor.path, buf, cap, len);
    if (!info) return;
    peft_merge_tensor row{};
    row.dtype = dtype_of(tensor.dtype);
    row.retained = tensor.retained;
    row.update_norm = tensor.update_norm;
    row.weight_norm = tensor.weight_norm;
    write_struct(info, row);
  });
}

peft_status peft_unmerge(peft_model* model) {
  return guard([&] {
    const Alone object(model);
    const std::lock_guard lock(object->mutex);
    check(!object->merges.empty(), Code::state, "nothing is merged");
    for (const ModelObject::Merge& merge : object->merges)
      check(merge.has_originals, Code::state, "the originals of adapter '{}' were discarded",
            merge.adapter->adapter->name());
    Transformer& transformer = object->core->model->transformer();
    while (!object->merges.empty()) {
      object->merges.back().weights.restore(transformer);
      object->merges.back().adapter->merged = false;
      object->merges.pop_back();
    }
  });
}

peft_status peft_merge_discard(peft_model* model) {
  return guard([&] {
    const auto object = exclusive<ModelObject>(model);
    const std::lock_guard lock(object->mutex);
    check(!object->merges.empty(), Code::state, "nothing is merged");
    for (ModelObject::Merge& merge : object->merges) {
      merge.adapter->attached = false;
      std::erase(object->adapters, merge.adapter);
    }
    object->merges.clear();
  });
}

}  // extern "C"
