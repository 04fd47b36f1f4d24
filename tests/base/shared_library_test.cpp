#include "base/shared_library.h"

#include "support/expect_error.h"

namespace peft {
namespace {

TEST(SharedLibraries, OpensAndCalls) {
  SharedLibrary library = SharedLibrary::open_first({"/nonexistent/libm.so", "libm.so.6"});
  EXPECT_EQ(library.path(), "libm.so.6");
  EXPECT_EQ(library.function<double(double)>("floor")(2.5), 2.0);
  EXPECT_EQ(library.find_symbol("no_such_symbol"), nullptr);
  EXPECT_ERROR(Code::not_found, "libm.so.6: no symbol 'no_such_symbol'", library.symbol("no_such_symbol"));

  SharedLibrary moved = std::move(library);
  EXPECT_FALSE(library);  // NOLINT: a moved-from library is empty
  EXPECT_TRUE(moved);
}

TEST(SharedLibraries, FailureListsEveryPlaceLookedAt) {
  const std::vector<std::string> places = {"/nonexistent/a.so", "/nonexistent/b.so", ""};
  EXPECT_ERROR(Code::not_found, "/nonexistent/a.so", SharedLibrary::open_first(places));
  EXPECT_ERROR(Code::not_found, "/nonexistent/b.so", SharedLibrary::open_first(places));
  EXPECT_ERROR(Code::not_found, "no candidates", SharedLibrary::open_first({}));
}

}  // namespace
}  // namespace peft
