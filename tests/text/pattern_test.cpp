#include "text/pattern.h"

#include <gtest/gtest.h>

#include <string>

#include "support/expect_error.h"

namespace peft::test {
namespace {

TEST(Pattern, MatchesTheWholeNameAsFullmatchDoes) {
  const Pattern pattern(R"(model\.layers\.\d+\.(self_attn\.[qv]_proj|mlp\..*))");
  EXPECT_TRUE(pattern.full_match("model.layers.12.self_attn.q_proj"));
  EXPECT_TRUE(pattern.full_match("model.layers.0.mlp."));
  EXPECT_FALSE(pattern.full_match("model.layers.0.self_attn.k_proj"));
  EXPECT_FALSE(pattern.full_match("base.model.layers.0.self_attn.q_proj"));
  EXPECT_FALSE(pattern.full_match("model.layers.0.self_attn.q_proj.weight"));
  EXPECT_EQ(pattern.text(), R"(model\.layers\.\d+\.(self_attn\.[qv]_proj|mlp\..*))");
}

// The whole must match, whichever alternative or repetition is tried first.
TEST(Pattern, AlternativesDoNotCutTheMatchShort) {
  EXPECT_TRUE(Pattern("a|ab").full_match("ab"));
  EXPECT_TRUE(Pattern("a*?").full_match("aaa"));
  EXPECT_FALSE(Pattern("a|b").full_match("ab"));
  EXPECT_TRUE(Pattern("^a.c$").full_match("abc"));
  EXPECT_TRUE(Pattern("(?i)Q_Proj").full_match("q_proj"));
  EXPECT_TRUE(Pattern("").full_match(""));
  EXPECT_FALSE(Pattern("").full_match("a"));
  EXPECT_FALSE(Pattern("a.b").full_match("a\nb"));
  EXPECT_TRUE(Pattern("(?x) a b # note").full_match("ab"));
  EXPECT_TRUE(Pattern("\\w+").full_match("한국"));
}

TEST(Pattern, UnsupportedSyntaxIsNamed) {
  for (const std::string text :
       {"a(?!b)", "a(?=b)", "(?<!x)a", R"((a)\1)", "a++", R"(\<a)", "(", "a{2,1}", R"(a\Z)"})
    EXPECT_ERROR(Code::unsupported, "pattern '" + text + "'", Pattern(text));
}

TEST(Pattern, HostilePatternsAndNamesAreBounded) {
  EXPECT_ERROR(Code::limit, "compiles to more than", Pattern("((((a{100}){100}){100}){100})"));
  EXPECT_ERROR(Code::limit, "expected at most 65536 bytes", Pattern(std::string(70000, 'a')));
  EXPECT_ERROR(Code::unsupported, "pattern", Pattern(std::string(5000, '(') + std::string(5000, ')')));
  const Pattern exponential("(a|a|aa)*b");
  EXPECT_FALSE(exponential.full_match(std::string(100000, 'a')));
  EXPECT_ERROR(Code::invalid_argument, "name is not valid UTF-8", exponential.full_match("\xFF"));
  EXPECT_ERROR(Code::invalid_argument, "pattern is not valid UTF-8", Pattern("\xFF"));
}

}  // namespace
}  // namespace peft::test
