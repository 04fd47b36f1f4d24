#include "formats/checkpoint_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/checked.h"
#include "base/error.h"
#include "base/json.h"
#include "formats/bitsandbytes.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"

namespace peft {
namespace {

constexpr const char* single_name = "model.safetensors";
constexpr const char* index_name = "model.safetensors.index.json";

bool is_shard_name(std::string_view name) {
  constexpr std::string_view suffix = ".safetensors";
  return name.size() > suffix.size() && name.ends_with(suffix) && name.find_first_of("/\\") == name.npos &&
         !name.starts_with('.') && is_clean_name(name, 255);
}

// Several files as one. Entries keep the order of the shards.
class ShardedSource final : public TensorSource {
 public:
  ShardedSource(const Folder& folder, const Limits& limits) : TensorSource(folder.path(), limits) {}

  static std::unique_ptr<TensorSource> open(const Folder& folder, const Limits& limits) {
    const std::string where = join_path(folder.path(), index_name);
    const Json index = parse_json(folder.read_text(index_name, limits.json_bytes), where, limits);
    const Json* weight_map = JsonFields(index, where).find("weight_map");
    check(weight_map != nullptr && weight_map->is_object(), Code::format,
          "{}: expected an object 'weight_map'", where);

    std::map<std::string, std::map<std::string, bool>> shards;  // file -> tensor -> seen
    for (const auto& [tensor, file] : weight_map->items()) {
      check(file.is_string(), Code::format, "{}: tensor '{}': expected a file name", where,
            printable(tensor));
      const std::string& name = file.get_ref<const std::string&>();
      check(is_shard_name(name), Code::format,
            "{}: tensor '{}': '{}' is not the name of a safetensors file in this folder", where,
            printable(tensor), printable(name));
      shards[name][tensor] = false;
      check(shards.size() <= 4096, Code::limit, "{}: more than 4096 shards", where);
    }
    check(!shards.empty(), Code::format, "{}: 'weight_map' names no tensor", where);

    auto result = std::make_unique<ShardedSource>(folder, limits);
    for (auto& [name, expected] : shards) {
      auto shard = SafetensorsFile::open(folder.open_file(name), limits);
      for (const TensorEntry& entry : shard->entries()) {
        const auto found = expected.find(entry.name);
        check(found != expected.end(), Code::format, "{}: tensor '{}' is in {}, the index does not say so",
              where, printable(entry.name), name);
        found->second = true;
        result->add(entry);
        result->places_.push_back({shard.get(), entry.index});
      }
      for (const auto& [tensor, seen] : expected) {
        check(seen, Code::format, "{}: tensor '{}' is not in {}", where, printable(tensor), name);
      }
      result->shards_.push_back(std::move(shard));
    }
    return result;
  }

 private:
  void read_bytes(int index, int64_t offset, std::span<std::byte> out) const override {
    const Place& place = places_[static_cast<size_t>(index)];
    place.shard->read_range(place.shard->entries()[static_cast<size_t>(place.index)], offset, out);
  }

  struct Place {
    const SafetensorsFile* shard;
    int index;
  };
  std::vector<std::unique_ptr<SafetensorsFile>> shards_;
  std::vector<Place> places_;
};

[[noreturn]] void fail_without_weights(const Folder& folder) {
  for (const std::string& name : folder.list()) {
    const bool pickle = name.ends_with(".bin") || name.ends_with(".pt") || name.ends_with(".pth") ||
                        name.ends_with(".ckpt") || name == "pytorch_model.bin.index.json";
    if (pickle && !name.starts_with("training_args") && !name.starts_with("optimizer")) {
      fail(Code::unsupported,
           "{}: {} is a pickle, which may run code when it is read; convert it to safetensors first",
           folder.path(), printable(name));
    }
    if (name.ends_with(".h5") || name.ends_with(".msgpack")) {
      fail(Code::unsupported, "{}: {} is not supported; convert it to safetensors first", folder.path(),
           printable(name));
    }
  }
  fail(Code::not_found, "{}: neither {} nor {}", folder.path(), single_name, index_name);
}

std::string shard_name(size_t index, size_t count) {
  return count == 1 ? single_name : fmt::format("model-{:05}-of-{:05}.safetensors", index + 1, count);
}

}  // namespace

std::unique_ptr<TensorSource> open_checkpoint(const Folder& folder, const Limits& limits) {
  if (folder.contains(single_name)) {
    return resolve_bitsandbytes(SafetensorsFile::open(folder.open_file(single_name), limits), limits);
  }
  if (folder.contains(index_name)) return resolve_bitsandbytes(ShardedSource::open(folder, limits), limits);
  fail_without_weights(folder);
}

std::unique_ptr<TensorSource> open_checkpoint_file(const std::string& path, const Limits& limits) {
  return resolve_bitsandbytes(SafetensorsFile::open(path, limits), limits);
}

void write_checkpoint(const std::string& folder, const std::vector<OutputTensor>& tensors,
                      int64_t shard_bytes, DType original) {
  check(shard_bytes > 0, Code::invalid_argument, "shard size must be positive, found {}", shard_bytes);
  // The parts of one quantized tensor stay together: readers take a group from one file.
  std::vector<std::vector<OutputTensor>> shards(1);
  int64_t filled = 0, total = 0;
  for (const OutputTensor& tensor : tensors) {
    std::vector<OutputTensor> parts;
    if (is_nf4(tensor.dtype)) {
      parts = bitsandbytes_parts(tensor, original);
    } else {
      parts.push_back(tensor);
    }
    int64_t bytes = 0;
    for (const OutputTensor& part : parts) bytes = checked_add(bytes, storage_bytes(part.dtype, part.shape));
    if (!shards.back().empty() && bytes > shard_bytes - filled) {
      shards.emplace_back();
      filled = 0;
    }
    std::move(parts.begin(), parts.end(), std::back_inserter(shards.back()));
    filled = checked_add(filled, bytes);
    total = checked_add(total, bytes);
  }

  std::map<std::string, std::string> weight_map;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shard_name(i, shards.size());
    for (const OutputTensor& tensor : shards[i]) {
      check(weight_map.emplace(tensor.name, name).second, Code::invalid_argument,
            "tensor '{}' is declared twice", printable(tensor.name));
    }
    write_safetensors(join_path(folder, name), shards[i]);
  }
  if (shards.size() == 1) return;
  Json::object_t entries;
  std::vector<Json::object_t::value_type>& plain = entries;  // the map's own insertion searches for each key
  for (const auto& [tensor, name] : weight_map) plain.emplace_back(tensor, name);
  const Json index = {{"metadata", {{"total_size", total}}}, {"weight_map", Json(std::move(entries))}};
  write_text_file(join_path(folder, index_name), dump_json(index, 2) + "\n");
}

}  // namespace peft
