// LoRA (Hu et al. 2021): y = W x + s B A dropout(x), s = alpha / r, or alpha / sqrt(r) with rsLoRA
// (Kalajdzievski 2023). Configuration, keys and defaults as PEFT's LoraConfig and tuners/lora/layer.py.
#include "adapters/methods/lora.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "adapters/base_copies.h"
#include "adapters/config_keys.h"
#include "adapters/methods/lora_hook.h"
#include "adapters/targets.h"
#include "base/error.h"
#include "text/pattern.h"

namespace peft {
namespace {

constexpr ConfigKey keys[] = {
    {"alora_invocation_tokens", "null", false},
    {"alpha_pattern", "{}", true},
    {"arrow_config", "null", false},
    {"bias", "\"none\"", true},
    {"corda_config", "null", false},
    {"ensure_weight_tying", "false", false},
    {"eva_config", "null", false},
    {"exclude_modules", "null", true},
    {"fan_in_fan_out", "false", true},
    {"init_lora_weights", "true", true},
    {"kasa_config", "null", false},
    {"layer_replication", "null", false},
    {"layers_pattern", "null", true},
    {"layers_to_transform", "null", true},
    {"loftq_config", "{}", false},
    {"lora_alpha", "8", true},
    {"lora_bias", "false", false},
    {"lora_dropout", "0.0", true},
    {"lora_ga_config", "null", false},
    {"megatron_config", "null", false},
    {"megatron_core", "\"megatron.core\"", false},
    {"modules_to_save", "null", true},
    {"monteclora_config", "null", false},
    {"qalora_group_size", "16", false},
    {"r", "8", true},
    {"rank_pattern", "{}", true},
    {"target_modules", "null", true},
    {"target_parameters", "null", false},
    {"trainable_token_indices", "null", false},
    {"use_bdlora", "null", false},
    {"use_dora", "false", false},
    {"use_qalora", "false", false},
    {"use_rslora", "false", true},
    {"velora_config", "null", false},
};

constexpr int64_t maximum_rank = 65536;

// PEFT's TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING.
std::vector<std::string> default_targets(const std::string& family) {
  if (family == "gpt2") return {"c_attn"};
  return {"q_proj", "v_proj"};
}

// First key of a rank or alpha pattern that fits: (.*\.)?(key) in full.
const Json* pattern_value(const Json* patterns, const std::string& path) {
  if (!patterns) return nullptr;
  for (const auto& [key, value] : patterns->items())
    if (Pattern("(?:.*\\.)?(?:" + key + ")").full_match(path)) return &value;
  return nullptr;
}

struct Init {
  Start start_a = Start::uniform, start_b = Start::zeros;
  bool gaussian = false;
};

// true: Kaiming-uniform A (bound 1 / sqrt(in)), zero B; "gaussian": A normal with deviation 1 / r; false:
// both random.
Init init_of(const JsonFields& config) {
  const Json* value = config.find("init_lora_weights");
  Init init;
  if (!value || (value->is_boolean() && value->get<bool>())) return init;
  if (value->is_boolean()) {
    init.start_b = Start::uniform;
    return init;
  }
  check(value->is_string() && value->get<std::string>() == "gaussian", Code::unsupported,
        "{}: init_lora_weights = {} is not supported (true, false, \"gaussian\")", config.what(),
        dump_json(*value));
  init.start_a = Start::normal;
  init.gaussian = true;
  return init;
}

class LoraPlan final : public Plan {
 public:
  explicit LoraPlan(const PlanInput& input) {
    const JsonFields config(input.config, input.what);
    check_config_keys(config, keys);
    const Layout& layout = input.model.layout();
    rules_ = target_rules(config, default_targets(input.model.spec().family));
    chosen_ = resolve_targets(rules_, layout, input.what, TargetKinds::linear_or_embedding);
    read(config);
    plan_layers(config, layout);
    plan_embeddings(config, layout);
    plan_biases(config, layout);
    plan_copies(config, layout);
    file_base_weights(layout);
    for (const int32_t index : chosen_) paths_.push_back(layout.modules[static_cast<size_t>(index)].path);
    std::sort(paths_.begin(), paths_.end());
    describe(config, layout);
  }

  std::string_view peft_type() const override { return "LORA"; }
  Json config() const override { return config_; }
  std::vector<std::string> target_paths() const override { return paths_; }
  std::vector<LowRankPair> low_rank_pairs() const override { return pairs_; }

  std::shared_ptr<const HookTable> hooks(std::span<const Tensor> buffers, float scale) const override {
    return make_lora_hooks(*this, parts_, buffers, scale);
  }

 private:
  void read(const JsonFields& config) {
    rank_ = config.integer_or("r", 8, 1, maximum_rank);
    alpha_ = config.number_or("lora_alpha", 8.0, -1e9, 1e9);
    parts_.dropout = static_cast<float>(config.number_or("lora_dropout", 0.0, 0.0, 0.999999));
    rslora_ = config.boolean_or("use_rslora", false);
    init_ = init_of(config);
  }

  void plan_layers(const JsonFields& config, const Layout& layout) {
    const Json* ranks = config.find("rank_pattern");
    const Json* alphas = config.find("alpha_pattern");
    std::map<int32_t, std::vector<int32_t>> by_group;
    for (const int32_t index : chosen_)
      if (const int32_t group = layout.modules[static_cast<size_t>(index)].group; group >= 0)
        by_group[group].push_back(index);
    for (const auto& [group, members] : by_group) {
      LoraGroup planned;
      planned.group = group;
      planned.buffer_a = static_cast<int32_t>(buffers_.size());
      buffers_.push_back({});
      int64_t rows = 0;
      for (const int32_t index : members) {
        const Module& module = layout.modules[static_cast<size_t>(index)];
        LoraMember member;
        member.member = module.member;
        member.rank = rank_of(config, ranks, module.path);
        member.first_row = rows;
        const double alpha = alpha_of(config, alphas, module.path, member.rank);
        member.scale = static_cast<float>(alpha / static_cast<double>(member.rank));
        pairs_.push_back({index, static_cast<int32_t>(tensors_.size()),
                          static_cast<int32_t>(tensors_.size()) + 1, member.rank, alpha});
        const std::string key = std::string(key_prefix) + module.path;
        const int32_t layer = module.kind == ModuleKind::head ? INT32_MAX - 1 : module.layer;
        PlannedTensor a;
        a.key = key + ".lora_A.weight";
        a.shape = {member.rank, module.in_features};
        a.start = init_.start_a;
        a.bound = init_.gaussian
                      ? 1.0f / static_cast<float>(member.rank)
                      : static_cast<float>(1.0 / std::sqrt(static_cast<double>(module.in_features)));
        a.layer = layer;
        a.buffer = planned.buffer_a;
        a.first_row = rows;
        tensors_.push_back(std::move(a));
        PlannedTensor b;
        b.key = key + ".lora_B.weight";
        b.shape = {module.out_features, member.rank};
        b.start = init_.start_b;
        b.bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(member.rank)));
        b.layer = layer;
        member.buffer_b = add_tensor(std::move(b));
        rows += member.rank;
        planned.members.push_back(member);
        buffers_[static_cast<size_t>(planned.buffer_a)] = {rows, module.in_features};
      }
      parts_.groups.push_back(std::move(planned));
    }
  }

  // Zero A and normal B, whatever the kind of start; PEFT leaves both normal for init_lora_weights false.
  void plan_embeddings(const JsonFields& config, const Layout& layout) {
    const Json* ranks = config.find("rank_pattern");
    const Json* alphas = config.find("alpha_pattern");
    for (const int32_t index : chosen_) {
      const Module& module = layout.modules[static_cast<size_t>(index)];
      if (module.kind != ModuleKind::embedding) continue;
      const int64_t rank = rank_of(config, ranks, module.path);
      const double alpha = alpha_of(config, alphas, module.path, rank);
      pairs_.push_back({index, static_cast<int32_t>(tensors_.size()),
                        static_cast<int32_t>(tensors_.size()) + 1, rank, alpha});
      LoraEmbedding planned;
      planned.module = index;
      planned.scale = static_cast<float>(alpha / static_cast<double>(rank));
      PlannedTensor a;
      a.key = std::string(key_prefix) + module.path + ".lora_embedding_A";
      a.shape = {rank, module.in_features};
      a.start = init_.start_b == Start::zeros ? Start::zeros : Start::normal;
      a.bound = 1.0f;
      planned.buffer_a = add_tensor(std::move(a));
      PlannedTensor b;
      b.key = std::string(key_prefix) + module.path + ".lora_embedding_B";
      b.shape = {module.out_features, rank};
      b.start = Start::normal;
      b.bound = 1.0f;
      planned.buffer_b = add_tensor(std::move(b));
      parts_.embeddings.push_back(planned);
    }
  }

  int64_t rank_of(const JsonFields& config, const Json* ranks, const std::string& path) const {
    const Json* value = pattern_value(ranks, path);
    if (!value) return rank_;
    check(value->is_number_integer() && value->get<int64_t>() >= 1 && value->get<int64_t>() <= maximum_rank,
          Code::format, "{}: rank_pattern: expected an integer of at least 1, found {}", config.what(),
          dump_json(*value));
    return value->get<int64_t>();
  }

  // What the scale is times the rank.
  double alpha_of(const JsonFields& config, const Json* alphas, const std::string& path, int64_t rank) const {
    double alpha = alpha_;
    if (const Json* value = pattern_value(alphas, path)) {
      check(value->is_number(), Code::format, "{}: alpha_pattern: expected a number, found {}", config.what(),
            dump_json(*value));
      alpha = value->get<double>();
    }
    return rslora_ ? alpha * std::sqrt(static_cast<double>(rank)) : alpha;
  }

  // bias "all" trains every bias of the model, "lora_only" those of the adapted layers, which PEFT files
  // under .base_layer.
  void plan_biases(const JsonFields& config, const Layout& layout) {
    const std::string bias = config.string_or("bias", "none");
    check(bias == "none" || bias == "all" || bias == "lora_only", Code::format,
          "{}: bias: expected \"none\", \"all\" or \"lora_only\", found \"{}\"", config.what(), bias);
    if (bias == "none") return;
    for (size_t i = 0; i < layout.modules.size(); ++i) {
      const Module& module = layout.modules[i];
      if (module.bias == no_parameter) continue;
      const bool adapted = std::binary_search(chosen_.begin(), chosen_.end(), static_cast<int32_t>(i));
      if (!adapted && bias == "lora_only") continue;
      const std::string key =
          std::string(key_prefix) + module.path + (adapted ? ".base_layer.bias" : ".bias");
      parts_.copies.push_back(
          {module.bias, add_tensor(copy_of_parameter(layout, module.bias, module.layer, key))});
    }
  }

  void plan_copies(const JsonFields& config, const Layout& layout) {
    for (SavedTensor& saved : plan_saved(rules_.modules_to_save, layout, chosen_, config.what())) {
      const bool twice = std::any_of(parts_.copies.begin(), parts_.copies.end(),
                                     [&](const BaseCopy& copy) { return copy.parameter == saved.parameter; });
      check(!twice, Code::unsupported, "{}: modules_to_save names '{}', which bias names too", config.what(),
            layout.parameters[static_cast<size_t>(saved.parameter)].path);
      parts_.copies.push_back({saved.parameter, add_tensor(std::move(saved.planned))});
    }
  }

  // PEFT's EMBEDDING_LAYER_NAMES: adapted layers of these names are filed with the weight they adapt.
  void file_base_weights(const Layout& layout) {
    for (const int32_t index : chosen_) {
      const Module& module = layout.modules[static_cast<size_t>(index)];
      const std::string name = module.path.substr(module.path.rfind('.') + 1);
      if (name == "embed_tokens" || name == "lm_head")
        filed_base_.push_back({std::string(key_prefix) + module.path + ".base_layer.weight", module.weight});
    }
  }

  void describe(const JsonFields& config, const Layout& layout) {
    Json values = Json::object();
    for (const ConfigKey& key : keys)
      if (key.supported)
        if (const Json* given = config.find(key.key)) values[std::string(key.key)] = *given;
    for (const char* key : {"task_type", "base_model_name_or_path", "revision"})
      if (const Json* given = config.find(key)) values[key] = *given;
    // PEFT stores resolved names; a pattern stays a pattern.
    if (!rules_.targets.is_pattern || rules_.all_linear)
      values["target_modules"] = shortest_names(chosen_, layout);
    bool conv1d = true;
    for (const int32_t index : chosen_) {
      const Module& module = layout.modules[static_cast<size_t>(index)];
      conv1d = conv1d && (module.conv1d || module.kind == ModuleKind::embedding);
    }
    conv1d = conv1d && !parts_.groups.empty();
    values["fan_in_fan_out"] = conv1d;
    config_ = complete_config("LORA", keys, values);
  }

  TargetRules rules_;
  std::vector<int32_t> chosen_;
  std::vector<std::string> paths_;
  LoraParts parts_;
  std::vector<LowRankPair> pairs_;
  Json config_;
  Init init_;
  int64_t rank_ = 8;
  double alpha_ = 8;
  bool rslora_ = false;
};

}  // namespace

std::unique_ptr<Plan> plan_lora(const PlanInput& input) { return std::make_unique<LoraPlan>(input); }

}  // namespace peft
