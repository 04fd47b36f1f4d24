// Runs a fuzz target without a fuzzer: every file of a corpus, and on request mutations of each, the same
// ones each time.
//
// usage: fuzz_NAME [--mutations N] [--seed N] FILE_OR_FOLDER...
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "target.h"

namespace {

using Bytes = std::vector<uint8_t>;

// What is running, for the message after a crash.
Bytes current;
char description[512];

void write_all(int descriptor, const void* data, size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count = ::write(descriptor, at, size);
    if (count <= 0) return;
    at += count;
    size -= static_cast<size_t>(count);
  }
}

void on_crash(int signal) {
  constexpr const char* file = "fuzz-crash.bin";
  const int descriptor = ::open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (descriptor >= 0) write_all(descriptor, current.data(), current.size());
  write_all(2, description, std::strlen(description));
  constexpr const char* note = "\nthe input is in fuzz-crash.bin\n";
  write_all(2, note, std::strlen(note));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

Bytes mutate(Bytes bytes, const std::vector<Bytes>& seeds, std::mt19937_64& random) {
  const auto below = [&](size_t bound) { return bound == 0 ? 0 : static_cast<size_t>(random() % bound); };
  const size_t rounds = 1 + below(4);
  for (size_t round = 0; round < rounds; ++round) {
    const size_t at = below(bytes.size() + 1);
    const size_t length = std::min(bytes.size() - at, size_t{1} << below(7));
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = begin + static_cast<std::ptrdiff_t>(length);
    switch (below(9)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<uint8_t>(bytes[at] ^ (1u << below(8)));
        break;
      case 1:
        if (at < bytes.size()) bytes[at] = static_cast<uint8_t>(random());
        break;
      case 2: {  // a number at the edge of a width, as counts and sizes have them
        constexpr std::array<uint64_t, 10> edges = {0,          1,          0x7f,       0xff,       0xffff,
                                                    0x7fffffff, 0xffffffff, 1ull << 32, 1ull << 63, ~0ull};
        const uint64_t value = edges[below(edges.size())] + below(3) - 1;
        const size_t width = std::min(bytes.size() - at, size_t{1} << below(4));
        std::memcpy(bytes.data() + at, &value, width);
        break;
      }
      case 3:
        bytes.erase(begin, end);
        break;
      case 4: {
        const Bytes piece(begin, end);
        bytes.insert(begin, piece.begin(), piece.end());
        break;
      }
      case 5:
        bytes.resize(at);
        break;
      case 6: {  // a piece of another seed
        const Bytes& other = seeds[below(seeds.size())];
        const size_t from = below(other.size() + 1), count = std::min(other.size() - from, length + 1);
        bytes.insert(begin, other.begin() + static_cast<std::ptrdiff_t>(from),
                     other.begin() + static_cast<std::ptrdiff_t>(from + count));
        break;
      }
      case 7: {  // another decimal number where a text has one
        const auto digit =
            std::find_if(begin, bytes.end(), [](uint8_t byte) { return byte >= '0' && byte <= '9'; });
        constexpr std::array<const char*, 6> numbers = {
            "-1", "4294967296", "9223372036854775807", "1e999", "18446744073709551616", "0"};
        const std::string_view text = numbers[below(numbers.size())];
        bytes.insert(digit, text.begin(), text.end());
        break;
      }
      default:  // nesting
        bytes.insert(begin, size_t{1} << below(8), "[{(\""[below(4)]);
    }
  }
  if (bytes.size() > size_t{1} << 20) bytes.resize(size_t{1} << 20);
  return bytes;
}

// Seconds that one input may take; sanitizers and a busy machine are allowed for.
constexpr double slowest = 20;
// Bytes that the process may hold at its peak, sanitizers aside.
constexpr long largest_kilobytes = 1 << 20;

void run(const std::string& what) {
  std::snprintf(description, sizeof description, "while running %s", what.c_str());
  const auto start = std::chrono::steady_clock::now();
  LLVMFuzzerTestOneInput(current.data(), current.size());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  peft::fuzz::require(seconds < slowest, "an input is handled in time");
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t mutations = 0, first_seed = 1;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--mutations" && i + 1 < argc) {
      mutations = std::stoull(argv[++i]);
    } else if (argument == "--seed" && i + 1 < argc) {
      first_seed = std::stoull(argv[++i]);
    } else if (std::filesystem::is_directory(argument)) {
      for (const auto& item : std::filesystem::directory_iterator(argument)) paths.push_back(item.path());
    } else {
      paths.push_back(argument);
    }
  }
  if (paths.empty()) {
    std::fprintf(stderr, "no input: name files or folders\n");
    return 2;
  }
  std::sort(paths.begin(), paths.end());
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, on_crash);

  std::vector<Bytes> seeds;
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "cannot read %s\n", path.c_str());
      return 2;
    }
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  for (size_t i = 0; i < seeds.size(); ++i) {
    current = seeds[i];
    run(paths[i]);
  }
  for (size_t i = 0; i < seeds.size(); ++i) {
    for (uint64_t n = 0; n < mutations; ++n) {
      std::mt19937_64 random(first_seed * 1000003 + i * 1000000007 + n);
      current = mutate(seeds[i], seeds, random);
      run(paths[i] + ", mutation " + std::to_string(n) + ", seed " + std::to_string(first_seed));
    }
  }
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  peft::fuzz::require(usage.ru_maxrss < largest_kilobytes, "memory stays within bounds");
#endif
  std::printf("%zu inputs, %llu mutations each, peak %ld MB\n", seeds.size(),
              static_cast<unsigned long long>(mutations), usage.ru_maxrss / 1024);
  return 0;
}
