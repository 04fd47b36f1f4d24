// Which route of oneDNN 2.6 is best inside a slice (measured on Zen 4, share of the FMA peak, one thread, k =
// 576): dnnl_sgemm on a [512, 96] slice with strided operands reaches 88-92 %, the matmul primitive's brgemm
// kernels 90-94 % but only for dense operands and results, at 1-5 ms of code generation for every shape. So
// f32 goes to dnnl_sgemm: no cache, no scratchpad, any stride. bf16 has no such call; its strided matmul
// primitive costs 0.06 ms to create, which the cache below saves, and reaches 85-92 % of the bf16 peak.
#include "cpu/onednn.h"

#include <signal.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "base/calls.h"
#include "base/error.h"
#include "oneapi/dnnl/dnnl.hpp"

// From libgomp, which oneDNN brings; both act on the calling thread only.
extern "C" {
void omp_set_num_threads(int);
int omp_get_max_threads(void);
}

namespace peft {
namespace {

class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
  ~OneThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }

 private:
  int before_;
};

using Bits = dnnl::memory::data_type;

struct Key {
  int64_t numbers[6];
  uint32_t alpha_bits;
  bool flags[3];

  explicit Key(const Product& p)
      : numbers{p.m, p.n, p.k, p.a_stride, p.b_stride, p.c_stride},
        alpha_bits(__builtin_bit_cast(uint32_t, p.alpha)),
        flags{p.a_transposed, p.b_transposed, p.accumulate} {}
  bool operator==(const Key& other) const = default;
};

struct KeyHash {
  size_t operator()(const Key& key) const {
    uint64_t hash = key.alpha_bits;
    for (int64_t number : key.numbers) hash = (hash ^ static_cast<uint64_t>(number)) * 0x9e3779b97f4a7c15ull;
    for (bool flag : key.flags) hash = (hash ^ static_cast<uint64_t>(flag)) * 0x9e3779b97f4a7c15ull;
    return hash;
  }
};

struct Compiled {
  dnnl::matmul::primitive_desc description;
  dnnl::matmul primitive;
};

dnnl::matmul::primitive_desc describe(const dnnl::engine& engine, const Product& p) {
  using Sizes = dnnl::memory::dims;
  dnnl::primitive_attr attributes;
  if (p.alpha != 1.0f) attributes.set_output_scales(0, {p.alpha});
  if (p.accumulate) {
    dnnl::post_ops after;
    after.append_sum(1.0f);
    attributes.set_post_ops(after);
  }
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::memory::desc a({p.m, p.k}, Bits::bf16,
                             p.a_transposed ? Sizes{1, p.a_stride} : Sizes{p.a_stride, 1});
  const dnnl::memory::desc b({p.k, p.n}, Bits::bf16,
                             p.b_transposed ? Sizes{1, p.b_stride} : Sizes{p.b_stride, 1});
  const dnnl::memory::desc c({p.m, p.n}, Bits::f32, Sizes{p.c_stride, 1});
  return {dnnl::matmul::desc(a, b, c), attributes, engine};
}

// Compiled primitives by shape; what varies is the number of rows. Entries in use survive a clearing.
class Library {
 public:
  static Library& instance() {
    // Never destroyed: oneDNN's own tables may be gone before it.
    static Library* const library = [] {
      auto* const made = new Library();
      watch_exit();
      return made;
    }();
    return *library;
  }
  const dnnl::engine& engine() const { return engine_; }
  dnnl::stream& stream() { return stream_; }

  std::shared_ptr<const Compiled> find(const Product& product) {
    const Key key(product);
    {
      std::shared_lock lock(mutex_);
      if (auto found = compiled_.find(key); found != compiled_.end()) return found->second;
    }
    // Made under the lock: oneDNN guards its own cache by means that the thread sanitizer cannot see.
    std::unique_lock lock(mutex_);
    if (auto found = compiled_.find(key); found != compiled_.end()) return found->second;
    if (compiled_.size() >= maximum_entries) compiled_.clear();
    const auto description = describe(engine_, product);
    auto entry = std::make_shared<const Compiled>(Compiled{description, dnnl::matmul(description)});
    return compiled_.emplace(key, std::move(entry)).first->second;
  }

 private:
  static constexpr size_t maximum_entries = 4096;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::shared_mutex mutex_;
  std::unordered_map<Key, std::shared_ptr<const Compiled>, KeyHash> compiled_;
};

// oneDNN's kernels are made at first use, a set for each order of its operands, and end with the process.
void watch_exit_after(bool a_transposed, bool b_transposed) {
  static constinit std::atomic<unsigned> seen{0};
  const unsigned bit = 1u << (2 * a_transposed + b_transposed);
  if ((seen.load(std::memory_order_relaxed) & bit) == 0 && (seen.fetch_or(bit) & bit) == 0) watch_exit();
}

bool native_bfloat16() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx512bf16")) return false;
  // What the machine has may be hidden from oneDNN by its own settings.
  const auto isa = static_cast<int>(dnnl::get_effective_cpu_isa());
  const auto wanted = static_cast<int>(dnnl::cpu_isa::avx512_core_bf16);
  return (isa & wanted) == wanted;
}

// dnnl_sgemm of oneDNN 2.6.3 lets the stack pointer point into the heap while some of its kernels run, and
// the frame of a signal handler without a stack of its own overwrites what lies there. Measured on Zen 4:
// with AVX-512 for about half of the shapes tried, in all four orders of the operands; with AVX2 for [512,
// 576] [576, 96]; never with SSE4.1. Managed run times signal their threads for collections, so signals wait
// until the product is done, at the price of two system calls. Faults do not wait: a blocked one would end
// the process without its handler. The bf16 primitive kept to the thread's stack (AVX-512, 15 shapes in four
// orders, 131,000 signals).
class HeldSignals {
 public:
  HeldSignals() {
    sigset_t held;
    sigfillset(&held);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) sigdelset(&held, fault);
    pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  ~HeldSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

void multiply_float32(const Product& p, const float* a, const float* b, float* c) {
  const OneThread one;
  const HeldSignals held;
  const auto status =
      dnnl_sgemm(p.a_transposed ? 'T' : 'N', p.b_transposed ? 'T' : 'N', p.m, p.n, p.k, p.alpha, a,
                 p.a_stride, b, p.b_stride, p.accumulate ? 1.0f : 0.0f, c, p.c_stride);
  check(status != dnnl_out_of_memory, Code::out_of_memory, "matrix product [{}, {}, {}]: out of memory", p.m,
        p.n, p.k);
  PEFT_ASSERT(status == dnnl_success);
  watch_exit_after(p.a_transposed, p.b_transposed);
}

bool has_bfloat16_products() {
  static const bool native = native_bfloat16();
  return native;
}

void multiply_bfloat16(const Product& p, const uint16_t* a, const uint16_t* b, float* c) {
  const OneThread one;
  try {
    Library& library = Library::instance();
    const auto entry = library.find(p);
    const auto view = [&](const dnnl::memory::desc& shape, const void* data) {
      return dnnl::memory(shape, library.engine(), const_cast<void*>(data));
    };
    const auto scratch_desc = entry->description.scratchpad_desc();
    entry->primitive.execute(library.stream(),
                             {{DNNL_ARG_SRC, view(entry->description.src_desc(), a)},
                              {DNNL_ARG_WEIGHTS, view(entry->description.weights_desc(), b)},
                              {DNNL_ARG_DST, view(entry->description.dst_desc(), c)},
                              {DNNL_ARG_SCRATCHPAD, dnnl::memory(scratch_desc, library.engine())}});
  } catch (const dnnl::error& error) {
    check(error.status != dnnl_out_of_memory, Code::out_of_memory,
          "matrix product [{}, {}, {}]: out of memory", p.m, p.n, p.k);
    fail(Code::internal, "matrix product [{}, {}, {}]: oneDNN: {}", p.m, p.n, p.k, error.message);
  }
}

}  // namespace peft
