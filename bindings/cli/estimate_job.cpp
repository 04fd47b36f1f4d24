#include "estimate_job.h"

#include <optional>

namespace peft_cli {
namespace {

peft_estimate_result estimate(const peft_context* context, const TrainSettings& settings,
                              peft_estimate_options options) {
  const peft_model_options model = model_options(settings.model);
  const peft_lora_config lora = settings.lora();
  const std::optional<std::string> config = settings.adapter_config_text();
  options.model_options = &model;
  options.lora_config = config ? nullptr : &lora;
  options.adapter_config = config ? config->c_str() : nullptr;
  if (settings.rows.max_seq_length > 0) options.sequence_length = settings.rows.max_seq_length;
  auto result = empty_result<peft_estimate_result>();
  call(peft_estimate(context, settings.model.model.c_str(), &options, &result));
  return result;
}

}  // namespace

peft_estimate_result estimate_training(const peft_context* context, const TrainSettings& settings,
                                       const peft_dataset* rows, const peft_trainer_options& trainer) {
  auto options = defaults(peft_estimate_options_init);
  options.trainer_options = &trainer;
  options.dataset = rows;
  return estimate(context, settings, options);
}

peft_estimate_result estimate_generation(const peft_context* context, const TrainSettings& settings,
                                         int32_t sessions) {
  auto session = defaults(peft_session_options_init);
  session.compute_dtype = settings.arithmetic.dtype();
  session.activations = settings.arithmetic.activation_kind();
  auto options = defaults(peft_estimate_options_init);
  options.job = PEFT_JOB_GENERATE;
  options.sessions = sessions;
  options.session_options = &session;
  return estimate(context, settings, options);
}

}  // namespace peft_cli
