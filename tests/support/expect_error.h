// EXPECT_ERROR(code, "part of the message", expression): the expression throws that Error.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace peft::test {

template <typename Body>
void expect_error(Code code, const std::string& part, Body&& body, const char* file, int line) {
  const testing::ScopedTrace trace(file, line, "expected an Error");
  try {
    body();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    EXPECT_THAT(error.what(), testing::HasSubstr(part));
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another exception was thrown: " << error.what();
  }
}

}  // namespace peft::test

#define EXPECT_ERROR(code, part, ...) \
  ::peft::test::expect_error(code, part, [&] { static_cast<void>(__VA_ARGS__); }, __FILE__, __LINE__)
