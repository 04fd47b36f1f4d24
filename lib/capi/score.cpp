#include "generate/score.h"

#include "capi/objects.h"
#include "capi/structs.h"
#include "peft/generate.h"

using namespace peft;
using namespace peft::capi;

namespace {

peft_score_options score_defaults() {
  peft_score_options options{};
  options.struct_size = sizeof options;
  options.compute_dtype = PEFT_DTYPE_FLOAT32;
  return options;
}

}  // namespace

namespace peft::capi {

Arithmetic session_arithmetic(peft_dtype compute_dtype, peft_activations activations) {
  check_range<int>(activations, PEFT_ACTIVATIONS_EXACT, PEFT_ACTIVATIONS_INT8, "activations");
  const Arithmetic arithmetic = arithmetic_of(compute_dtype);
  if (activations == PEFT_ACTIVATIONS_EXACT) return arithmetic;
  check(arithmetic == Arithmetic::float32, Code::invalid_argument,
        "int8 activations and bfloat16 arithmetic exclude each other");
  return Arithmetic::int8;
}

}  // namespace peft::capi

extern "C" {

peft_status peft_score_options_init(peft_score_options* options, size_t size) {
  return init_struct(options, size, score_defaults());
}

peft_status peft_score(const peft_model* model, const int32_t* data, size_t n,
                       const peft_score_options* options, peft_score_result* result, float* values,
                       size_t cap, size_t* len) {
  return guard([&] {
    if (result) check_output(result, "result");
    check(values != nullptr || cap == 0, Code::invalid_argument, "values is NULL but cap is {}", cap);
    const peft_score_options given = read_struct(options, score_defaults(), "options");
    const auto object = shared<ModelObject>(model);
    const CancelUse cancel(given.cancel);
    const std::span<const int32_t> ids = read_ids(data, n, object->core->context->limits.tokens);
    check(!ids.empty(), Code::invalid_argument, "there are no tokens to score");
    if (len) *len = n - 1;
    if (values) check(cap >= n - 1, Code::limit, "the buffer holds {} elements, {} are needed", cap, n - 1);
    if (!values && !result && len) return;
    const auto hooks = snapshots(given.adapters, given.adapter_count, *object->core);
    const auto work = object->core->make_context();
    work->arithmetic = session_arithmetic(given.compute_dtype, given.activations);
    work->cancel = cancel.token();
    Workspace workspace(*work);
    const std::vector<float> scores =
        token_log_probabilities(object->core->model->transformer(), workspace, ids, hooks);
    deliver<float>(scores, values, cap, len);
    if (!result) return;
    peft_score_result figures{};
    figures.count = static_cast<int64_t>(n);
    for (const float score : scores) figures.nll -= static_cast<double>(score);
    write_struct(result, figures);
  });
}

peft_status peft_logits(const peft_model* model, const int32_t* data, size_t n,
                        const peft_score_options* options, float* values, size_t cap, size_t* len) {
  return guard([&] {
    check(values != nullptr || cap == 0, Code::invalid_argument, "values is NULL but cap is {}", cap);
    const peft_score_options given = read_struct(options, score_defaults(), "options");
    const auto object = shared<ModelObject>(model);
    const CancelUse cancel(given.cancel);
    const std::span<const int32_t> ids = read_ids(data, n, object->core->context->limits.tokens);
    check(!ids.empty(), Code::invalid_argument, "there are no tokens");
    const auto tokens = static_cast<int64_t>(n);
    check(given.first_position >= 0 && given.first_position < tokens, Code::invalid_argument,
          "first_position {} is beyond the row of {} tokens", given.first_position, tokens);
    const int64_t left = tokens - given.first_position;
    check(given.position_count >= 0 && given.position_count <= left, Code::invalid_argument,
          "position_count {} is beyond the {} tokens left", given.position_count, left);
    const int64_t count = given.position_count == 0 ? left : given.position_count;
    const int64_t elements = count * object->core->model->transformer().spec().vocabulary;
    if (len) *len = static_cast<size_t>(elements);
    if (!values) return;
    check(cap >= static_cast<size_t>(elements), Code::limit, "the buffer holds {} elements, {} are needed",
          cap, elements);
    const auto hooks = snapshots(given.adapters, given.adapter_count, *object->core);
    const auto work = object->core->make_context();
    work->arithmetic = session_arithmetic(given.compute_dtype, given.activations);
    work->cancel = cancel.token();
    Workspace workspace(*work);
    const std::vector<float> logits =
        token_logits(object->core->model->transformer(), workspace, ids, hooks, given.first_position, count);
    deliver<float>(logits, values, cap, len);
  });
}

}  // extern "C"
