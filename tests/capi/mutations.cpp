// Damaged real files: what a real GGUF file, a safetensors folder and an adapter folder become when bytes change.
// Each damage is tried in a process of its own, which loads, encodes and scores, bounded in time and memory.
//   capi_mutations MODEL.gguf WORK_FOLDER [COUNT [SEED]]
// COUNT damages of each of the three. Exit status: 0 each was an error or a sane load, 1 not, 77 no model there.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "peft/peft.h"

namespace {

constexpr int64_t memory_limit = int64_t{1} << 30;
// The mapped file, the library and its tokenizer come beside what the context counts.
constexpr int64_t resident_limit = memory_limit + (int64_t{512} << 20);
constexpr unsigned seconds_limit = 30;
enum Outcome { loaded = 0, refused = 1, insane = 2 };

[[noreturn]] void stop(const char* what) {
  char message[1024] = "";
  peft_last_error(message, sizeof message, nullptr);
  std::fprintf(stderr, "mutations: %s: %s\n", what, message);
  std::exit(1);
}

void must(peft_status status, const char* what) {
  if (status < 0) stop(what);
}

peft_context* make_context() {
  peft_context_options options;
  must(peft_context_options_init(&options, sizeof options), "context options");
  options.threads = 1;  // each damage is tried alone
  options.max_memory_bytes = memory_limit;
  peft_context* context = nullptr;
  must(peft_context_create(&options, &context), "context");
  return context;
}

// A load is sane when what it gives can be used: every status is one of the header's, every figure a number or a
// refusal, and an error says something.
Outcome of_status(peft_status status) {
  if (status >= 0) return loaded;
  char message[64] = "";
  peft_last_error(message, sizeof message, nullptr);
  return message[0] != '\0' && status != PEFT_E_INTERNAL ? refused : insane;
}

Outcome use_model(const peft_model* model, const peft_adapter* adapter) {
  const char text[] = "now make me seventeen ropes, \xED\x95\x9C\xEA\xB8\x80";
  std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6, 7, 8};
  peft_tokenizer* tokenizer = nullptr;
  if (peft_tokenizer_from_model(model, &tokenizer) == PEFT_OK) {
    size_t count = 0;
    ids.resize(256);
    const peft_status status =
        peft_tokenizer_encode(tokenizer, text, sizeof text - 1, 0, ids.data(), ids.size(), &count);
    peft_tokenizer_free(tokenizer);
    if (status < 0 || count == 0) return of_status(status);
    ids.resize(std::min<size_t>(count, 24));
  }
  peft_score_options options;
  must(peft_score_options_init(&options, sizeof options), "score options");
  options.adapter_count = adapter ? 1 : 0;
  options.adapters = &adapter;
  peft_score_result result = {};
  result.struct_size = sizeof result;
  return of_status(peft_score(model, ids.data(), ids.size(), &options, &result, nullptr, 0, nullptr));
}

Outcome try_model(const std::string& path) {
  peft_context* context = make_context();
  peft_model* model = nullptr;
  const peft_status status = peft_model_load(context, path.c_str(), nullptr, &model);
  if (status < 0) return of_status(status);
  const Outcome outcome = use_model(model, nullptr);
  peft_model_free(model);
  peft_context_free(context);
  return outcome;
}

Outcome try_adapter(const std::string& model_path, const std::string& path) {
  peft_context* context = make_context();
  peft_model* model = nullptr;
  must(peft_model_load(context, model_path.c_str(), nullptr, &model), "loading the model");
  peft_adapter* adapter = nullptr;
  const peft_status status = peft_adapter_load(model, "damaged", path.c_str(), nullptr, &adapter);
  return status < 0 ? of_status(status) : use_model(model, adapter);
}

// Changes a file in place and takes the change back.
class Damage {
 public:
  // `structure`: bytes at the front that say what the rest means; most damages fall there.
  Damage(const std::string& path, int64_t structure, std::mt19937_64& random)
      : file_(open(path.c_str(), O_RDWR | O_CLOEXEC)), random_(random) {
    struct stat info {};
    if (file_ < 0 || fstat(file_, &info) != 0) stop(path.c_str());
    size_ = info.st_size;
    structure_ = std::clamp<int64_t>(structure, 1, size_);
    const auto count = below(2) == 0 ? 1 : 1 + below(4);
    for (int64_t i = 0; i < count; ++i) change();
    if (below(12) == 0) truncate();
  }
  ~Damage() {
    for (auto change = undo_.rbegin(); change != undo_.rend(); ++change)
      put(change->at, change->bytes.data(), change->bytes.size());
    close(file_);
  }
  Damage(const Damage&) = delete;
  Damage& operator=(const Damage&) = delete;

  const std::string& story() const { return story_; }

 private:
  struct Change {
    int64_t at;
    std::vector<uint8_t> bytes;
  };

  int64_t below(int64_t bound) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(bound)); }

  void put(int64_t at, const uint8_t* bytes, size_t size) {
    if (pwrite(file_, bytes, size, at) != static_cast<ssize_t>(size)) stop("pwrite");
  }

  void remember(int64_t at, int64_t size) {
    Change change{at, std::vector<uint8_t>(static_cast<size_t>(size))};
    if (pread(file_, change.bytes.data(), change.bytes.size(), at) != size) stop("pread");
    undo_.push_back(std::move(change));
  }

  void change() {
    const int64_t where = below(10);
    const int64_t region = where < 4 ? std::min<int64_t>(structure_, 2048) : where < 7 ? structure_ : size_;
    const int64_t at = below(region);
    static constexpr uint64_t numbers[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, uint64_t{1} << 40,
                                           uint64_t{1} << 63, UINT64_MAX, UINT64_MAX - 7};
    std::vector<uint8_t> bytes;
    switch (below(5)) {
      case 0:  // one bit
        remember(at, 1);
        bytes = {static_cast<uint8_t>(undo_.back().bytes[0] ^ (1u << below(8)))};
        break;
      case 1:  // one byte
        bytes = {static_cast<uint8_t>(random_())};
        break;
      case 2:  // a number
        bytes.resize(8);
        std::memcpy(bytes.data(), &numbers[below(std::size(numbers))], 8);
        if (below(2) == 0) bytes.resize(4);
        break;
      case 3:  // a stretch of one value
        bytes.assign(static_cast<size_t>(1 + below(512)), static_cast<uint8_t>(below(2) * 255));
        break;
      default:  // a digit, as in JSON
        bytes = {static_cast<uint8_t>('0' + below(10))};
        break;
    }
    bytes.resize(static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(bytes.size()), size_ - at)));
    remember(at, static_cast<int64_t>(bytes.size()));
    put(at, bytes.data(), bytes.size());
    story_ += std::to_string(bytes.size()) + " bytes at " + std::to_string(at) + "; ";
  }

  void truncate() {
    const int64_t cut = 1 + below(std::min<int64_t>(size_ - 1, 1 << 20));
    remember(size_ - cut, cut);
    if (ftruncate(file_, size_ - cut) != 0) stop("ftruncate");
    story_ += "cut by " + std::to_string(cut) + "; ";
  }

  int file_;
  std::mt19937_64& random_;
  int64_t size_ = 0, structure_ = 0;
  std::vector<Change> undo_;
  std::string story_;
};

using Work = std::vector<std::string>;  // arguments of this program: what to do, and with which files

// Does `work` in a process of its own, started anew: the library refuses to go on in a forked child. Empty: it
// ended well, with `outcome`.
std::string isolated(const Work& work, Outcome& outcome) {
  const pid_t child = fork();
  if (child < 0) stop("fork");
  if (child == 0) {
    alarm(seconds_limit);
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    std::vector<char*> arguments;
    std::string name = "capi_mutations";
    arguments.push_back(name.data());
    Work copy = work;
    for (std::string& word : copy) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execv("/proc/self/exe", arguments.data());
    _exit(99);
  }
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) != child) stop("wait4");
  if (WIFSIGNALED(status))
    return WTERMSIG(status) == SIGALRM ? "did not end in time" : "was killed by signal " + std::to_string(WTERMSIG(status));
  outcome = static_cast<Outcome>(WEXITSTATUS(status));
  if (outcome != loaded && outcome != refused) return "ended with status " + std::to_string(WEXITSTATUS(status));
  if (int64_t{usage.ru_maxrss} * 1024 > resident_limit)
    return "held " + std::to_string(usage.ru_maxrss / 1024) + " MiB";
  return {};
}

struct Target {
  std::string name, file;
  int64_t structure;
  Work work;
};

// True when all damages of one target ended well.
bool run(const Target& target, int count, uint64_t seed) {
  Outcome whole = insane;
  if (const std::string fault = isolated(target.work, whole); !fault.empty() || whole != loaded) {
    std::fprintf(stderr, "mutations: %s, undamaged: %s\n", target.name.c_str(),
                 fault.empty() ? "is refused" : fault.c_str());
    return false;
  }
  int outcomes[2] = {0, 0}, bad = 0;
  for (int i = 0; i < count; ++i) {
    std::mt19937_64 random(seed + static_cast<uint64_t>(i));
    const Damage damage(target.file, target.structure, random);
    Outcome outcome = insane;
    const std::string fault = isolated(target.work, outcome);
    if (fault.empty()) {
      ++outcomes[outcome];
      continue;
    }
    ++bad;
    std::fprintf(stderr, "mutations: %s, seed %llu (%s): %s\n", target.name.c_str(),
                 static_cast<unsigned long long>(seed) + static_cast<unsigned long long>(i), damage.story().c_str(),
                 fault.c_str());
  }
  std::printf("%s: %d damages, %d refused, %d loaded, %d bad\n", target.name.c_str(), count, outcomes[refused],
              outcomes[loaded], bad);
  std::fflush(stdout);
  return bad == 0;
}

int64_t header_bytes(const std::string& safetensors) {
  uint64_t size = 0;
  FILE* file = std::fopen(safetensors.c_str(), "rb");
  if (!file || std::fread(&size, sizeof size, 1, file) != 1) stop(safetensors.c_str());
  std::fclose(file);
  return static_cast<int64_t>(size) + 8;
}

void copy_file(const std::string& from, const std::string& to) {
  FILE* in = std::fopen(from.c_str(), "rb");
  FILE* out = std::fopen(to.c_str(), "wb");
  if (!in || !out) stop(from.c_str());
  std::vector<char> buffer(1 << 20);
  for (size_t size; (size = std::fread(buffer.data(), 1, buffer.size(), in)) > 0;)
    if (std::fwrite(buffer.data(), 1, size, out) != size) stop(to.c_str());
  std::fclose(in);
  if (std::fclose(out) != 0) stop(to.c_str());
}

Outcome make_files(const std::string& model_path, const std::string& folder, const std::string& adapter_path) {
  peft_context* context = make_context();
  peft_model* model = nullptr;
  must(peft_model_load(context, model_path.c_str(), nullptr, &model), "loading the model");
  peft_save_options save;
  must(peft_save_options_init(&save, sizeof save), "save options");
  save.dtype = PEFT_DTYPE_BFLOAT16;
  must(peft_model_save(model, folder.c_str(), &save), "saving the folder");
  peft_adapter* adapter = nullptr;
  must(peft_attach_lora(model, "default", nullptr, &adapter), "attaching");
  must(peft_adapter_save(adapter, adapter_path.c_str(), nullptr), "saving the adapter");
  return loaded;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "--make" && argc == 5) return make_files(argv[2], argv[3], argv[4]);
  if (mode == "--model" && argc == 3) return try_model(argv[2]);
  if (mode == "--adapter" && argc == 4) return try_adapter(argv[2], argv[3]);
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s MODEL.gguf WORK_FOLDER [COUNT [SEED]]\n", argv[0]);
    return 2;
  }
  const std::string model_path = argv[1], work = argv[2];
  const int count = argc > 3 ? std::atoi(argv[3]) : 500;
  const uint64_t seed = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 1;
  if (access(model_path.c_str(), R_OK) != 0) {
    std::printf("SKIPPED: no model %s (PEFT_SMOLLM2_GGUF names it)\n", model_path.c_str());
    return 77;
  }
  const std::string gguf = work + "/damaged.gguf", folder = work + "/damaged_folder", adapter_path = work + "/damaged_adapter";
  copy_file(model_path, gguf);
  Outcome made = insane;
  const std::string fault = isolated({"--make", model_path, folder, adapter_path}, made);
  if (!fault.empty() || made != loaded) stop("the files to damage could not be made");
  const Work whole = {"--model", gguf}, folders = {"--model", folder}, attaches = {"--adapter", model_path, adapter_path};
  const std::string weights = folder + "/model.safetensors", small = adapter_path + "/adapter_model.safetensors";
  // GGUF's structure is its vocabulary and merges (1.7 MB here) and the tensors' places after them.
  const std::vector<Target> targets = {
      {"GGUF", gguf, int64_t{2} << 20, whole},
      {"safetensors", weights, header_bytes(weights), folders},
      {"config.json", folder + "/config.json", 1 << 20, folders},
      {"tokenizer.json", folder + "/tokenizer.json", 1 << 16, folders},
      {"adapter weights", small, header_bytes(small), attaches},
      {"adapter_config.json", adapter_path + "/adapter_config.json", 1 << 20, attaches},
  };
  bool good = true;
  for (size_t i = 0; i < targets.size(); ++i) {
    // A folder's count is shared by its files; weights take half.
    const bool alone = i == 0, is_weights = i == 1 || i == 4;
    const int share = alone ? count : is_weights ? count / 2 : i == 5 ? count / 2 : count / 4;
    good = run(targets[i], share, seed + 1000000 * i) && good;
  }
  return good ? 0 : 1;
}
