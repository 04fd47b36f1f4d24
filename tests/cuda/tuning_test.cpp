// Comparing cuBLASLt's algorithms changes how long a product takes, and no bit of it.
#include "cuda/activation_matrix.h"

#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "base/log.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

struct Case {
  MatmulKind kind = MatmulKind::nt;
  Arithmetic arithmetic = Arithmetic::bfloat16;
  DType dtype = DType::bf16;
  bool accumulate = false;
};

class Tuning : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    if (context->backend().kind() != DeviceKind::cuda) GTEST_SKIP() << "about cuBLASLt";
    set("LIBPEFT_CUDA_PLANS", path.c_str());
    set("LIBPEFT_CUDA_TUNE", "1");
    set_log_level(LogLevel::warning);
    while (poll_log()) {
    }
  }
  void TearDown() override {
    set("LIBPEFT_CUDA_PLANS", "");  // of what follows, nothing is kept
    unsetenv("LIBPEFT_CUDA_TUNE");
    set_log_level(LogLevel::off);
  }
  static void set(const char* name, const char* value) { setenv(name, value, 1); }

  // In a context of its own: it looks at the environment. Just large enough to be worth a comparison.
  std::vector<float> multiply(const Case& c, int64_t n = 800) {
    const int64_t m = 800, k = 800;
    const bool nt = c.kind == MatmulKind::nt, tn = c.kind == MatmulKind::tn;
    const auto own = make_context();
    ActivationMatrix a(*own, c.dtype, tn ? k : m, tn ? m : k), b(*own, c.dtype, nt ? n : k, nt ? k : n);
    ActivationMatrix y(*own, c.dtype, m, n);
    a.randomize(1), b.randomize(2), y.randomize(3);
    const MatmulOptions options{.kind = c.kind, .arithmetic = c.arithmetic, .accumulate = c.accumulate};
    // Timed when it comes again after others: between them, one that is too small for it.
    ActivationMatrix small(*own, c.dtype, 16, k), small_y(*own, DType::f32, 16, n);
    const MatmulOptions other{.kind = nt ? MatmulKind::nt : MatmulKind::nn, .arithmetic = c.arithmetic};
    for (int turn = 0; turn < 4; ++turn) {
      own->backend().matmul(options, a.view(), b.view(), y.view(), {});
      own->backend().matmul(other, small.view(), b.view(), small_y.view(), {});
    }
    EXPECT_TRUE(y.guards_intact());
    return y.values();
  }
  // Lines of the file after the first three, which say whose it is.
  std::vector<std::string> kept() const {
    std::vector<std::string> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    EXPECT_GE(lines.size(), 3u);
    lines.erase(lines.begin(), lines.begin() + std::min<ptrdiff_t>(3, std::ssize(lines)));
    return lines;
  }
  bool is_emulated() const { return read_text_file(path, 1 << 20).find("emulated GPU") != std::string::npos; }

  test::TemporaryFolder folder;
  std::string path = folder.path() + "/plans.txt";
};
INSTANTIATE_TEST_SUITE_P(Devices, Tuning, every_device());

TEST_P(Tuning, ChangesNoBit) {
  size_t lines = 0;
  for (const Case& c : {Case{}, Case{.accumulate = true}, Case{.kind = MatmulKind::tn},
                        Case{.arithmetic = Arithmetic::float32, .dtype = DType::f32}}) {
    set("LIBPEFT_CUDA_TUNE", "0");
    const std::vector<float> plain = multiply(c);
    set("LIBPEFT_CUDA_TUNE", "1");
    EXPECT_EQ(multiply(c), plain) << "timed";
    ASSERT_EQ(kept().size(), ++lines);
    EXPECT_EQ(multiply(c), plain) << "as kept";
  }
  EXPECT_FALSE(poll_log().has_value());
}

// Of the emulated algorithms the third is refused when it runs, the next is the fastest but adds in another order.
TEST_P(Tuning, TakesTheFastestOfTheSameSums) {
  multiply({});
  if (!is_emulated()) GTEST_SKIP() << "about the emulated library's algorithms";
  ASSERT_EQ(kept().size(), 1u);
  EXPECT_EQ(kept()[0], "21 800 800 800 800 800 800 : 66 24 1 0 0 0 0 0 0");
}

TEST_P(Tuning, IsNotForSmallProductsNorWhereItIsOff) {
  multiply({}, 512);
  set("LIBPEFT_CUDA_TUNE", "0");
  multiply({});
  EXPECT_FALSE(path_exists(path));
}

// A file that another hand has been at is a warning, and the product is what it was.
TEST_P(Tuning, ADamagedFileIsLeftAlone) {
  const std::vector<float> before = multiply({});
  std::string text = read_text_file(path, 1 << 20);
  text.back() = '1';
  std::ofstream(path) << text;
  EXPECT_EQ(multiply({}), before);
  const auto record = poll_log();
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->level, LogLevel::warning);
  EXPECT_NE(record->message.find(path), std::string::npos) << record->message;
  EXPECT_EQ(read_text_file(path, 1 << 20), text);
}

}  // namespace
}  // namespace peft
