#include "base/error.h"

#include "support/expect_error.h"

namespace peft {
namespace {

TEST(Errors, CheckFormatsOnlyWhenItFails) {
  EXPECT_NO_THROW(check(true, Code::format, "unused {}", 1));
  EXPECT_ERROR(Code::mismatch, "expected [2, 3], found 1.5",
               check(false, Code::mismatch, "expected [{}, {}], found {}", 2, 3, 1.5));
  EXPECT_ERROR(Code::limit, "too many: 18446744073709551615", fail(Code::limit, "too many: {}", UINT64_MAX));
}

TEST(Errors, ContextIsPutBeforeTheMessageAndKeepsTheCode) {
  EXPECT_ERROR(Code::format, "model.gguf: bad magic",
               with_context("model.gguf", [] { fail(Code::format, "bad magic"); }));
  EXPECT_EQ(with_context("unused", [] { return 5; }), 5);
}

TEST(Errors, AssertionNamesPlaceAndExpression) {
  EXPECT_ERROR(Code::internal, "error_test.cpp", [] { PEFT_ASSERT(1 + 1 == 3); }());
  EXPECT_ERROR(Code::internal, "1 + 1 == 3", [] { PEFT_ASSERT(1 + 1 == 3); }());
}

}  // namespace
}  // namespace peft
