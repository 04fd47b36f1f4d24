// Which of cuBLASLt's algorithms was the fastest for a product, kept in a small text file between processes.
//
// The file is $LIBPEFT_CUDA_PLANS, empty for none; else libpeft/cuda_plans_<of what>.txt in $XDG_CACHE_HOME or
// ~/.cache. It is replaced as a whole, so that no reader sees half of it; processes that write at once keep each
// other's lines, or lose a few, which are found again. A file that is damaged, or of another GPU or library, is left
// alone, with a warning.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace peft::cuda {

// What tells products apart: the types and flags, m, n, k and the strides of a, b and y.
using ProductKey = std::array<int64_t, 7>;
// CUBLASLT_ALGO_CONFIG_ID and the eight after it, in their order.
using AlgorithmConfig = std::array<uint32_t, 9>;

// What the choices hold for.
struct PlanOwner {
  std::string gpu;
  int32_t multiprocessors = 0;
  uint64_t library = 0;  // version
};

// Where the choices of an owner are kept; empty: nowhere.
std::string plan_file_path(const PlanOwner& owner);

// Safe from any thread. Nothing here throws for what is wrong with the file: it is a cache.
class PlanFile {
 public:
  // The same object for all who hold one of this path and owner.
  static std::shared_ptr<PlanFile> shared(const std::string& path, const PlanOwner& owner);
  PlanFile(std::string path, PlanOwner owner);  // read when first asked

  std::optional<AlgorithmConfig> find(const ProductKey& key);
  // Kept for find(), and written where that is possible. What is there already stays.
  void add(const ProductKey& key, const AlgorithmConfig& config);

  bool full();  // add() keeps nothing more

  static constexpr size_t most_entries = 4096;

 private:
  using Entries = std::map<ProductKey, AlgorithmConfig>;
  std::string text_of(const Entries& entries) const;
  Entries parse(const std::string& text) const;
  Entries read() const;
  void load();
  void give_up(const char* what, const char* why);

  const std::string path_;
  const PlanOwner owner_;
  std::mutex lock_;
  Entries entries_;
  bool loaded_ = false, writable_ = true;
};

}  // namespace peft::cuda
