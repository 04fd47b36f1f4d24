// Templates that would run, grow or nest without end: a status each time, soon.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/memory.h"
#include "support/expect_error.h"
#include "text/chat_template.h"

namespace peft::test {
namespace {

const Json chat = Json::array({{{"role", "user"}, {"content", "hi"}}});

std::string render(const std::string& source) { return ChatTemplate::compile(source)->render(chat); }

// Ends with an Error of one of these codes.
void expect_stopped(const std::string& source) {
  const testing::ScopedTrace trace(__FILE__, __LINE__, source);
  const auto begin = std::chrono::steady_clock::now();
  try {
    render(source);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == Code::limit || error.code() == Code::format) << error.what();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(120));
}

TEST(HostileTemplate, LongLoops) {
  expect_stopped("{% for i in range(10**9) %}x{% endfor %}");
  expect_stopped("{% for i in range(99999) %}{% for j in range(99999) %}{{ i * j }}{% endfor %}{% endfor %}");
  expect_stopped("{{ ([1] * 10**12) | last }}");
  expect_stopped("{{ ([1] * 10**18) | list | length }}");
}

TEST(HostileTemplate, StringsWithoutEnd) {
  expect_stopped("{{ 'x' * 10**12 }}");
  expect_stopped(
      "{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}"
      "{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s | length }}");
  expect_stopped(
      "{% set ns = namespace(s='aaaaaaaaaaaaaaaa') %}"
      "{% for i in range(60) %}{% set ns.s = ns.s.replace('a', 'aa') %}{% endfor %}");
  expect_stopped("{% for i in range(99999) %}{{ 'xxxxxxxxxxxxxxxx' * 10000 }}{% endfor %}");
  expect_stopped(
      "{% for i in range(99999) %}{% set y = 'x' * 1000000 %}{% if 'y' in y %}{% endif %}{% endfor %}"
      "{% for i in range(99999) %}{% for j in range(99999) %}{% set y = 'x' * 1000000 %}{% endfor %}{% "
      "endfor %}");
  expect_stopped("{{ 'x' | indent(10**15) }}{{ [1] | tojson(indent=10**15) }}");
  EXPECT_EQ(render("{{ 'abc'.count('') }}"), "4");
}

TEST(HostileTemplate, Recursion) {
  expect_stopped("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}");
  expect_stopped("{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(0) }}");
  expect_stopped("{% for m in messages recursive %}{{ loop(messages) }}{% endfor %}");
  expect_stopped("{% include 'chat template' %}");
  expect_stopped("{% extends 'chat template' %}");
}

TEST(HostileTemplate, DeepNesting) {
  expect_stopped("{{ " + std::string(100000, '(') + "1");
  expect_stopped("{{ " + std::string(100000, '(') + "1" + std::string(100000, ')') + " }}");
  expect_stopped("{{ " + std::string(100000, '[') + std::string(100000, ']') + " }}");
  std::string blocks;
  for (int i = 0; i < 20000; ++i) blocks += "{% if true %}";
  expect_stopped(blocks);
  // Values nested by a loop: given back without using up the caller's stack.
  const std::string nest =
      "{% set ns = namespace(v=[]) %}{% for i in range(90000) %}{% set ns.v = [ns.v] %}{% endfor %}";
  std::thread([&] { EXPECT_EQ(render(nest + "done"), "done"); }).join();
  expect_stopped(nest + "{{ ns.v | tojson }}");
  expect_stopped(nest + "{{ ns.v }}");
}

TEST(HostileTemplate, LimitsOfTheCaller) {
  Limits limits;
  limits.template_fuel = 100;
  EXPECT_ERROR(
      Code::limit, "fuel",
      ChatTemplate::compile("{% for i in range(50) %}{{ i }}{{ i }}{% endfor %}", limits)->render(chat));
  limits = {};
  limits.template_output_bytes = 10;
  EXPECT_ERROR(Code::limit, "longer than 10 bytes",
               ChatTemplate::compile("12345678901", limits)->render(chat));
  EXPECT_EQ(ChatTemplate::compile("1234567890", limits)->render(chat), "1234567890");
  EXPECT_ERROR(Code::limit, "expected at most 1048576 bytes",
               ChatTemplate::compile(std::string(2 << 20, 'x')));
}

TEST(HostileTemplate, WorksAgainAfterEachFailure) {
  const auto compiled = ChatTemplate::compile("{{ 'x' * messages[0].content | int }}");
  for (int i = 0; i < 20; ++i) {
    Json bad = chat, good = chat;
    bad[0]["content"] = "1000000000000";
    good[0]["content"] = "3";
    EXPECT_ERROR(Code::format, "too large", compiled->render(bad));
    EXPECT_EQ(compiled->render(good), "xxx");
  }
}

}  // namespace
}  // namespace peft::test
