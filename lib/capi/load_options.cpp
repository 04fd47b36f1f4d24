#include "capi/load_options.h"

#include "base/error.h"
#include "capi/describe.h"
#include "capi/structs.h"

namespace peft::capi {

peft_model_options model_defaults() {
  peft_model_options options{};
  options.struct_size = sizeof options;
  options.device = "cpu";
  return options;
}

peft_quantize_options quantize_defaults() {
  peft_quantize_options options{};
  options.struct_size = sizeof options;
  options.block_size = 64;
  options.double_quantize = 1;
  return options;
}

LoadOptions read_load_options(const peft_model_options& given) {
  LoadOptions load;
  switch (static_cast<int>(given.dtype)) {
    case PEFT_DTYPE_AS_STORED:
      break;
    case PEFT_DTYPE_FLOAT32:
      load.dtype = DType::f32;
      break;
    case PEFT_DTYPE_BFLOAT16:
      load.dtype = DType::bf16;
      break;
    default:
      fail(Code::invalid_argument, "models load as stored, float32 or bfloat16, not {}", name_of(given.dtype));
  }
  check_flag(given.without_tokenizer, "without_tokenizer");
  check_flag(given.follow_links, "follow_links");
  check_range<int>(given.embedding_placement, PEFT_PLACEMENT_DEVICE, PEFT_PLACEMENT_HOST, "embedding_placement");
  load.tokenizer = given.without_tokenizer == 0;
  load.follow_links = given.follow_links != 0;
  load.embedding_on_host = given.embedding_placement == PEFT_PLACEMENT_HOST;
  if (given.quantize_nf4)
    load.quantize = read_quantize_options(read_struct(given.quantize_nf4, quantize_defaults(), "quantize_nf4"));
  return load;
}

QuantizeOptions read_quantize_options(const peft_quantize_options& given) {
  check_flag(given.double_quantize, "double_quantize");
  check(given.block_size > 0, Code::invalid_argument, "block_size must be 64, not {}", given.block_size);
  check(given.block_size == 64, Code::unsupported, "block_size {} is not supported, only 64", given.block_size);
  QuantizeOptions quantize;
  quantize.double_quantize = given.double_quantize != 0;
  if (given.skip_modules) quantize.skip = split_list(given.skip_modules, "skip_modules");
  return quantize;
}

}  // namespace peft::capi
