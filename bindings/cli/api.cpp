#include "api.h"

#include "terminal.h"

namespace peft_cli {

std::string last_error() {
  size_t size = 0;
  peft_last_error(nullptr, 0, &size);
  std::string text(size + 1, '\0');  // and the NUL
  peft_last_error(text.data(), text.size(), nullptr);
  text.resize(size);
  return text;
}

peft_status call(peft_status status) {
  if (status < 0) {
    std::string message = last_error();
    if (message.empty()) message = peft_status_name(status);
    throw ApiError(status, message);
  }
  if (status == PEFT_NOTE) warn("note: " + last_error());
  return status;
}

peft_model_info info_of(const peft_model* model) {
  auto info = empty_result<peft_model_info>();
  call(peft_model_get_info(model, &info));
  return info;
}

peft_dataset_info info_of(const peft_dataset* dataset) {
  auto info = empty_result<peft_dataset_info>();
  call(peft_dataset_get_info(dataset, &info));
  return info;
}

peft_adapter_info info_of(const peft_adapter* adapter) {
  auto info = empty_result<peft_adapter_info>();
  call(peft_adapter_get_info(adapter, &info));
  return info;
}

std::vector<int32_t> encode(const peft_tokenizer* tokenizer, std::string_view text, bool add_special) {
  return read_numbers<int32_t>([&](int32_t* data, size_t capacity, size_t* size) {
    return peft_tokenizer_encode(tokenizer, text.data(), text.size(), add_special, data, capacity, size);
  });
}

std::string decode(const peft_tokenizer* tokenizer, const std::vector<int32_t>& ids, bool skip_special) {
  return read_text([&](char* buffer, size_t capacity, size_t* size) {
    return peft_tokenizer_decode(tokenizer, ids.data(), ids.size(), skip_special, buffer, capacity, size);
  });
}

const char* name_of(peft_dtype dtype) {
  switch (dtype) {
    case PEFT_DTYPE_AS_STORED:
      return "as stored";
    case PEFT_DTYPE_FLOAT32:
      return "float32";
    case PEFT_DTYPE_FLOAT16:
      return "float16";
    case PEFT_DTYPE_BFLOAT16:
      return "bfloat16";
    case PEFT_DTYPE_INT32:
      return "int32";
    case PEFT_DTYPE_INT64:
      return "int64";
    case PEFT_DTYPE_UINT8:
      return "uint8";
    case PEFT_DTYPE_NF4:
      return "NF4";
    case PEFT_DTYPE_NF4_DOUBLE:
      return "NF4 double quantized";
    case PEFT_DTYPE_Q4_0:
      return "Q4_0";
    case PEFT_DTYPE_Q4_1:
      return "Q4_1";
    case PEFT_DTYPE_Q5_0:
      return "Q5_0";
    case PEFT_DTYPE_Q5_1:
      return "Q5_1";
    case PEFT_DTYPE_Q8_0:
      return "Q8_0";
    case PEFT_DTYPE_Q2_K:
      return "Q2_K";
    case PEFT_DTYPE_Q3_K:
      return "Q3_K";
    case PEFT_DTYPE_Q4_K:
      return "Q4_K";
    case PEFT_DTYPE_Q5_K:
      return "Q5_K";
    case PEFT_DTYPE_Q6_K:
      return "Q6_K";
    case PEFT_DTYPE_FORCE32:
      break;
  }
  return "unknown";
}

}  // namespace peft_cli
