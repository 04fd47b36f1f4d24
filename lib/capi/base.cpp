#include "peft/base.h"

#include <map>
#include <mutex>

#include "base/log.h"
#include "capi/objects.h"
#include "capi/structs.h"
#include "devices/devices.h"

using namespace peft;
using namespace peft::capi;

#define TEXT_OF(number) TEXT_OF_VALUE(number)
#define TEXT_OF_VALUE(number) #number
#define VERSION_TEXT \
  TEXT_OF(PEFT_VERSION_MAJOR) "." TEXT_OF(PEFT_VERSION_MINOR) "." TEXT_OF(PEFT_VERSION_PATCH)

namespace {

// Whether an instruction set that the header names is among the words of the processor's description.
bool has_word(const std::string& description, std::string_view name) {
  if (name != "avx2" && name != "avx512" && name != "amx") return false;
  const size_t comma = description.rfind(", ");
  return comma != std::string::npos && description.find(" " + std::string(name), comma) != std::string::npos;
}

}  // namespace

extern "C" {

const char* peft_version(void) { return VERSION_TEXT; }

int32_t peft_abi_version(void) { return PEFT_ABI_VERSION; }

const char* peft_build_info(void) {
  return "libpeft " VERSION_TEXT ", compiler " __VERSION__ ", configuration " PEFT_CONFIGURATION
         ", x86-64; backends: cpu built in, cuda by libpeft_cuda.so";
}

int32_t peft_has_feature(const char* name) {
  if (!name) return 0;
  static constexpr const char* features[] = {
      "cpu",           "gguf",          "safetensors",      "peft_adapters",    "bitsandbytes",
      "chat_template", "nf4",           "bfloat16_compute", "int8_activations", "lora",
      "ia3",           "prompt_tuning", "family:llama",     "family:mistral",   "family:qwen2",
      "family:qwen3",  "family:gpt2"};
  for (const char* feature : features)
    if (std::strcmp(feature, name) == 0) return 1;
  int32_t found = 0;
  guard([&] {  // what only this machine can tell
    for (const Device* device : available_devices()) {
      if (device->name() != "cpu")
        found |= std::strcmp(name, "cuda") == 0;
      else
        found |= has_word(device->description(), name);
    }
  });
  return found;
}

const char* peft_status_name(peft_status status) {
  switch (status) {
#define NAME(code) \
  case code: \
    return #code;
    NAME(PEFT_OK)
    NAME(PEFT_END) NAME(PEFT_PENDING) NAME(PEFT_STEP_SKIPPED) NAME(PEFT_NOTE) NAME(PEFT_E_INVALID_ARGUMENT)
        NAME(PEFT_E_BAD_HANDLE) NAME(PEFT_E_BUSY) NAME(PEFT_E_OUT_OF_MEMORY) NAME(PEFT_E_IO)
            NAME(PEFT_E_FORMAT) NAME(PEFT_E_UNSUPPORTED) NAME(PEFT_E_NOT_FOUND) NAME(PEFT_E_MISMATCH)
                NAME(PEFT_E_LIMIT) NAME(PEFT_E_CANCELLED) NAME(PEFT_E_CALLBACK) NAME(PEFT_E_NUMERIC)
                    NAME(PEFT_E_DEVICE) NAME(PEFT_E_DEVICE_LOST) NAME(PEFT_E_REFUSED) NAME(PEFT_E_REENTRANT)
                        NAME(PEFT_E_FORKED) NAME(PEFT_E_STATE) NAME(PEFT_E_INTERNAL)
#undef NAME
                            default : return "PEFT_UNKNOWN";
  }
}

// Does not clear the message it reports.
peft_status peft_last_error(char* buf, size_t cap, size_t* len) {
  if (!buf && cap > 0) return PEFT_E_INVALID_ARGUMENT;
  const std::string_view message = last_message();
  if (len) *len = message.size();
  if (cap == 0) return PEFT_OK;
  const size_t count = whole_code_points(message, cap - 1);
  std::memcpy(buf, message.data(), count);
  buf[count] = '\0';
  return PEFT_OK;
}

peft_status peft_log_set_level(peft_log_level level) {
  return guard([&] {
    check_range<int>(level, PEFT_LOG_OFF, PEFT_LOG_DEBUG, "level");
    set_log_level(static_cast<LogLevel>(level));
  });
}

peft_status peft_log_poll(peft_log_level* level, char* buf, size_t cap, size_t* len) {
  return guard([&]() -> peft_status {
    check(buf != nullptr || cap == 0, Code::invalid_argument, "buf is NULL but cap is {}", cap);
    // A record that does not fit stays: it is taken out of the log's queue and kept here, before all later
    // ones.
    static std::mutex mutex;
    static std::optional<LogRecord> held;
    const std::lock_guard lock(mutex);
    if (!held) held = poll_log();
    if (!held) return PEFT_END;
    deliver_text(held->message, buf, cap, len);
    if (level) *level = static_cast<peft_log_level>(held->level);
    if (takes(buf, cap, len)) held.reset();
    return PEFT_OK;
  });
}

peft_status peft_log_set_callback(peft_log_fn function, void* user_data, peft_drop_fn drop) {
  DropLater caller_data(drop, user_data);
  return guard([&] {
    if (!function) return set_log_sink(nullptr);
    const auto data = std::make_shared<DropLater>(std::move(caller_data));
    set_log_sink([function, user_data, data](const LogRecord& record) {
      function(user_data, static_cast<peft_log_level>(record.level), record.message.data(),
               record.message.size());
    });
  });
}

peft_status peft_cancel_create(peft_cancel** out) {
  return guard([&] {
    check_pointer(out, "out");
    *out = static_cast<peft_cancel*>(add_handle(std::make_shared<CancelObject>()));
  });
}

peft_status peft_cancel_signal(const peft_cancel* cancel) {
  return guard([&] { shared<CancelObject>(cancel)->token.signal(); });
}

peft_status peft_cancel_progress(const peft_cancel* cancel, double* fraction) {
  return guard([&] {
    check_pointer(fraction, "fraction");
    *fraction = shared<CancelObject>(cancel)->progress;
  });
}

void peft_cancel_free(peft_cancel* cancel) { free_handle(cancel, ObjectType::cancel); }

peft_status peft_device_count(int32_t* count) {
  return guard([&] {
    check_pointer(count, "count");
    *count = static_cast<int32_t>(available_devices().size());
  });
}

peft_status peft_device_get_info(int32_t index, peft_device_info* info) {
  return guard([&] {
    check_output(info, "info");
    const std::vector<Device*> devices = available_devices();
    check(index >= 0 && static_cast<size_t>(index) < devices.size(), Code::not_found,
          "there is no device {}; there are {}", index, devices.size());
    const Device& device = *devices[static_cast<size_t>(index)];
    peft_device_info result{};
    result.index = index;
    copy_name(result.id, device.name());
    // "marketing name, instruction sets": one text of the device, cut in two.
    const std::string description = device.description();
    const size_t comma = description.rfind(", ");
    copy_name(result.name, description.substr(0, comma));
    copy_name(result.capabilities, comma == std::string::npos ? "" : description.substr(comma + 2));
    result.memory_bytes = device.total_memory();
    result.free_bytes = device.available_memory();
    write_struct(info, result);
  });
}

}  // extern "C"
