#include "formats/adapter_folder.h"

#include <cstdio>
#include <filesystem>
#include <map>
#include <system_error>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/file.h"
#include "formats/safetensors_writer.h"

namespace peft {
namespace {

constexpr const char* config_name = "adapter_config.json";
constexpr const char* tensors_name = "adapter_model.safetensors";
constexpr const char* pickle_name = "adapter_model.bin";
constexpr const char* readme_name = "README.md";
constexpr const char* staging_name = "adapter-being-saved";

void check_config(const Json& config, const std::string& what) {
  const std::string type = JsonFields(config, what).string("peft_type");
  check(!type.empty(), Code::format, "{}: field 'peft_type' is empty", what);
}

void check_tensors(const SafetensorsFile& tensors) {
  check(!tensors.entries().empty(), Code::format, "{}: holds no tensor", tensors.path());
  for (const TensorEntry& entry : tensors.entries()) {
    check(entry.bytes > 0, Code::format, "{}: tensor '{}' is empty: {}", tensors.path(),
          printable(entry.name), to_string(entry.shape));
    check(entry.readable && is_floating(entry.dtype), Code::unsupported,
          "{}: tensor '{}': element type {} is not supported in adapters, only F32, F16 and BF16",
          tensors.path(), printable(entry.name), entry.stored_type);
  }
}

Json sorted_by_key(const Json& value) {
  if (value.is_array()) {
    Json result = Json::array();
    for (const Json& item : value) result.push_back(sorted_by_key(item));
    return result;
  }
  if (!value.is_object()) return value;
  std::map<std::string_view, const Json*> sorted;
  for (const auto& [key, item] : value.get_ref<const Json::object_t&>()) sorted.emplace(key, &item);
  Json::object_t object;
  std::vector<Json::object_t::value_type>& entries = object;  // the map's own insertion searches for each key
  for (const auto& [key, item] : sorted) entries.emplace_back(std::string(key), sorted_by_key(*item));
  return Json(std::move(object));
}

// What was written must be what is read: a writer that saved nothing, or something else, is noticed before
// the old adapter is touched.
void check_written(const std::string& folder, const std::vector<OutputTensor>& tensors) {
  const AdapterFolder written = open_adapter_folder(folder);
  check(written.tensors->entries().size() == tensors.size(), Code::internal,
        "{}: {} tensors written, {} read again", folder, tensors.size(), written.tensors->entries().size());
  for (const OutputTensor& tensor : tensors) {
    const TensorEntry& entry = written.tensors->at(tensor.name);
    check(entry.dtype == tensor.dtype && entry.shape == tensor.shape, Code::internal,
          "{}: tensor '{}' was read again as {} {}", folder, tensor.name, entry.stored_type,
          to_string(entry.shape));
  }
}

void move_file(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) fail_errno(to, "put the finished file in place");
}

// What a killed process left: its staging folders carry the name that OutputFolder gives them.
void remove_interrupted(const std::string& path) {
  for (const std::string& name : Folder::open(path).list()) {
    if (name.starts_with("." + std::string(staging_name) + ".")) remove_folder(join_path(path, name));
  }
}

// Whether the file is there with just this text. Training saves the same config again and again: left alone,
// the save is one rename and so cannot be cut in two.
bool holds(const std::string& path, const std::string& text) {
  try {
    return read_text_file(path, static_cast<int64_t>(text.size())) == text;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

bool is_adapter_folder(const std::string& path) {
  return is_folder(path) && Folder::open(path).contains(config_name);
}

AdapterFolder open_adapter_folder(const std::string& path, const Limits& limits) {
  const Folder folder = Folder::open(path);
  check(folder.contains(config_name), Code::not_found, "{}: no {}", path, config_name);
  AdapterFolder result;
  result.path = path;
  const std::string where = join_path(path, config_name);
  result.config = parse_json(folder.read_text(config_name, limits.json_bytes), where, limits);
  check_config(result.config, where);
  if (!folder.contains(tensors_name)) {
    check(!folder.contains(pickle_name), Code::unsupported,
          "{}: {} is a pickle, which may run code when it is read; save the adapter as safetensors first",
          path, pickle_name);
    fail(Code::not_found, "{}: no {}", path, tensors_name);
  }
  result.tensors = SafetensorsFile::open(folder.open_file(tensors_name), limits);
  check_tensors(*result.tensors);
  return result;
}

std::string adapter_config_text(const Json& config) {
  dump_json(config);  // refuses what nests too deep to be walked
  return sorted_by_key(config).dump(2, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

void save_adapter_folder(const std::string& path, const Json& config,
                         const std::vector<OutputTensor>& tensors, const std::optional<std::string>& readme) {
  check(!tensors.empty(), Code::invalid_argument, "{}: an adapter without tensors is not saved", path);
  for (const OutputTensor& tensor : tensors) {
    check(is_floating(tensor.dtype) && tensor.shape.elements() > 0, Code::invalid_argument,
          "{}: tensor '{}': {} {} is not saved", path, tensor.name, name_of(tensor.dtype),
          to_string(tensor.shape));
  }
  const std::string text = adapter_config_text(config);
  check_config(config, "adapter config");
  make_folders(path);

  // Inside the target, so that renames stay on one file system. Its destructor removes what is left in it.
  remove_interrupted(path);
  const OutputFolder staging(join_path(path, staging_name));
  const auto staged = [&](const char* name) { return join_path(staging.staging_path(), name); };
  const auto final_path = [&](const char* name) { return join_path(path, name); };
  write_safetensors(staged(tensors_name), tensors);
  write_text_file(staged(config_name), text);
  if (readme) write_text_file(staged(readme_name), *readme);
  check_written(staging.staging_path(), tensors);

  // A second name for the old weights: if the config cannot follow them, they come back.
  const std::string old = staged("old.safetensors");
  std::error_code no_old;
  std::filesystem::create_hard_link(final_path(tensors_name), old, no_old);
  const bool same_config = holds(final_path(config_name), text);
  move_file(staged(tensors_name), final_path(tensors_name));
  try {
    if (!same_config) move_file(staged(config_name), final_path(config_name));
  } catch (...) {
    if (no_old) {
      std::remove(final_path(tensors_name).c_str());
    } else {
      std::rename(old.c_str(), final_path(tensors_name).c_str());
    }
    throw;
  }
  if (readme) move_file(staged(readme_name), final_path(readme_name));
  sync_folder(path);
}

}  // namespace peft
