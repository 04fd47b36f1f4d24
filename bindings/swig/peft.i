/* The C API as it is, for every language: functions by their own names, handles as 64-bit numbers, structures as
 * classes that are born initialised. A language's file gives its typemaps first and then includes this one. */
%{
#include "peft/peft.h"
%}
%include <stdint.i>

/* Filler values, sizes and pointers that no language can use as they are. */
%rename("$ignore", regextarget=1) "FORCE32$";
%ignore struct_size;
%ignore PEFT_API;
%ignore peft_row;
%ignore peft_parameter_info::shape;
%ignore peft_model_options::progress;
%ignore peft_model_options::user_data;
%ignore peft_model_options::drop;
%ignore peft_lora_config::layers_to_transform;
%ignore peft_lora_config::layers_to_transform_count;
%ignore peft_step_options::rows;
%ignore peft_step_options::row_count;
%ignore peft_evaluate_options::adapters;
%ignore peft_evaluate_options::adapter_count;
%ignore peft_session_options::adapters;
%ignore peft_session_options::adapter_count;
%ignore peft_score_options::adapters;
%ignore peft_score_options::adapter_count;
%ignore peft_log_fn;
%ignore peft_drop_fn;
%ignore peft_progress_fn;
%ignore peft_train_fn;

/* Handles of objects, and where a call puts a new one. PEFT_HANDLE is the language's. */
PEFT_HANDLE(peft_cancel)
PEFT_HANDLE(peft_context)
PEFT_HANDLE(peft_model)
PEFT_HANDLE(peft_adapter)
PEFT_HANDLE(peft_tokenizer)
PEFT_HANDLE(peft_stream_decoder)
PEFT_HANDLE(peft_dataset)
PEFT_HANDLE(peft_trainer)
PEFT_HANDLE(peft_session)

/* Callbacks are not carried: whatever has one can be pulled or polled, which stops and fails as the language does. */
%typemap(in, numinputs=0) (peft_train_fn function, void *user_data, peft_drop_fn drop),
                          (peft_log_fn function, void *user_data, peft_drop_fn drop)
  "$1 = nullptr; $2 = nullptr; $3 = nullptr;"

/* Rows of tokens, copied as they are added. */
%inline %{
class PeftRows {
 public:
  /* labels may be empty: each token predicts the next one. */
  void add(const int32_t *ids, size_t id_count, const int32_t *labels, size_t label_count) {
    add_kind(labels && label_count ? PEFT_LABEL_TOKENS : PEFT_LABEL_NEXT_TOKEN, ids, id_count, labels, label_count);
  }
  void add_kind(int32_t label_kind, const int32_t *ids, size_t id_count, const int32_t *labels, size_t label_count) {
    peft_row row{};
    row.struct_size = sizeof row;
    row.label_kind = static_cast<peft_label_kind>(label_kind);
    row.ids = keep(ids, id_count);
    row.id_count = static_cast<int64_t>(id_count);
    row.labels = keep(labels, label_count);
    row.label_count = static_cast<int64_t>(label_count);
    rows_.push_back(row);
  }
  /* Of the row that was added last. */
  void set_type_ids(const int32_t *ids, size_t id_count) {
    if (!rows_.empty() && static_cast<size_t>(rows_.back().id_count) == id_count)
      rows_.back().type_ids = keep(ids, id_count);
  }
  void set_decoder_ids(const int32_t *ids, size_t id_count) {
    if (rows_.empty()) return;
    rows_.back().decoder_ids = keep(ids, id_count);
    rows_.back().decoder_id_count = static_cast<int64_t>(id_count);
  }
  void set_value(float value) {
    if (rows_.empty()) return;
    values_.push_back(value);
    rows_.back().values = &values_.back();
    rows_.back().value_count = 1;
  }
  int64_t count() const { return static_cast<int64_t>(rows_.size()); }

#ifndef SWIG
  const peft_row *data() const { return rows_.data(); }

 private:
  const int32_t *keep(const int32_t *data, size_t n) {
    if (!data || !n) return nullptr;
    numbers_.emplace_back(data, data + n);
    return numbers_.back().data();
  }
  std::deque<std::vector<int32_t>> numbers_;
  std::deque<float> values_;
  std::vector<peft_row> rows_;
#endif
};
%}
PEFT_ROWS

%define PEFT_RESULT(name)
%nodefaultctor name;
%extend name {
  name() { return new peft_swig::Owner<name>(); }
  ~name() { delete peft_swig::owner_of($self); }
}
%enddef

%define PEFT_OPTIONS(name)
%nodefaultctor name;
PEFT_SIZED(name)
%extend name {
  name() {
    auto *made = new peft_swig::Owner<name>();
    name##_init(made, sizeof(name));
    return made;
  }
  ~name() { delete peft_swig::owner_of($self); }
}
%enddef

PEFT_OPTIONS(peft_context_options)
PEFT_OPTIONS(peft_model_options)
PEFT_OPTIONS(peft_save_options)
PEFT_OPTIONS(peft_quantize_options)
PEFT_OPTIONS(peft_lora_config)
PEFT_OPTIONS(peft_adapter_options)
PEFT_OPTIONS(peft_merge_options)
PEFT_OPTIONS(peft_dataset_options)
PEFT_OPTIONS(peft_chat_options)
PEFT_OPTIONS(peft_trainer_options)
PEFT_OPTIONS(peft_step_options)
PEFT_OPTIONS(peft_evaluate_options)
PEFT_OPTIONS(peft_session_options)
PEFT_OPTIONS(peft_prefill_options)
PEFT_OPTIONS(peft_sampling_options)
PEFT_OPTIONS(peft_score_options)
PEFT_OPTIONS(peft_estimate_options)
PEFT_RESULT(peft_device_info)
PEFT_RESULT(peft_context_info)
PEFT_RESULT(peft_model_info)
PEFT_RESULT(peft_parameter_info)
PEFT_RESULT(peft_module_info)
PEFT_RESULT(peft_adapter_info)
PEFT_RESULT(peft_merge_result)
PEFT_RESULT(peft_merge_tensor)
PEFT_RESULT(peft_dataset_info)
PEFT_RESULT(peft_tokenizer_info)
PEFT_RESULT(peft_step_result)
PEFT_RESULT(peft_trainer_info)
PEFT_RESULT(peft_evaluate_result)
PEFT_RESULT(peft_session_info)
PEFT_RESULT(peft_piece)
PEFT_RESULT(peft_score_result)
PEFT_RESULT(peft_estimate_result)

/* Lists inside structures. An adapter is added by its handle; the structure keeps the list, not the adapter. */
%define PEFT_ADAPTERS(name)
%extend name {
  void add_adapter(const peft_adapter *adapter) {
    auto &kept = peft_swig::owner_of($self)->handles[&$self->adapters];
    kept.push_back(reinterpret_cast<intptr_t>(adapter));
    $self->adapters = reinterpret_cast<const peft_adapter *const *>(kept.data());
    $self->adapter_count = static_cast<int32_t>(kept.size());
  }
}
%enddef
PEFT_ADAPTERS(peft_evaluate_options)
PEFT_ADAPTERS(peft_session_options)
PEFT_ADAPTERS(peft_score_options)
%extend peft_lora_config {
  void add_layer(int32_t layer) {
    auto &kept = peft_swig::owner_of($self)->numbers[&$self->layers_to_transform];
    kept.push_back(layer);
    $self->layers_to_transform = kept.data();
    $self->layers_to_transform_count = static_cast<int32_t>(kept.size());
  }
}
%extend peft_step_options {
  /* rows must live until the step is over. */
  void set_row_list(const PeftRows *rows) {
    $self->rows = rows ? rows->data() : nullptr;
    $self->row_count = rows ? static_cast<int32_t>(rows->count()) : 0;
  }
}
%extend peft_parameter_info {
  int64_t extent(int32_t dimension) const {
    return dimension >= 0 && dimension < 4 ? $self->shape[dimension] : 0;
  }
}

%include "peft/base.h"
%include "peft/context.h"
%include "peft/model.h"
%include "peft/text.h"
%include "peft/data.h"
%include "peft/adapter.h"
%include "peft/train.h"
%include "peft/generate.h"
%include "peft/estimate.h"
