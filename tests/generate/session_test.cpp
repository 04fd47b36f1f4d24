// Sessions: decoding with a cache against the full forward pass, forks, rewinds, sessions beside a trainer.
#include "generate/session.h"

#include <gtest/gtest.h>

#include <thread>

#include "adapters/files.h"
#include "generate/score.h"
#include "models/model.h"
#include "support/expect_error.h"
#include "support/golden.h"
#include "text/text_fixtures.h"
#include "train/trainer.h"

namespace peft {
namespace {

std::unique_ptr<Context> one_thread() { return test::test_context(1); }

struct Fixture {
  explicit Fixture(const std::string& family, const std::string& adapter_case = {}) {
    const auto context = one_thread();
    model = Model::load(test::data_path("families/" + family), *context);
    if (adapter_case.empty()) return;
    adapter = load_adapter("default", test::data_path("adapters/" + adapter_case), model->transformer(),
                           *context, "tiny-" + family)
                  .adapter;
    hooks = {adapter->snapshot()};
  }
  Session session(int64_t context_length = 0) const {
    return Session({{model, &model->transformer()}, nullptr, {}}, hooks, one_thread, context_length);
  }
  std::vector<float> full(const std::vector<int32_t>& ids) const {
    const auto context = one_thread();
    Workspace workspace(*context);
    return token_logits(model->transformer(), workspace, ids, hooks, static_cast<int64_t>(ids.size()) - 1, 1);
  }
  std::shared_ptr<Model> model;
  std::shared_ptr<Adapter> adapter;
  std::vector<std::shared_ptr<const HookTable>> hooks;
};

const std::vector<int32_t> prompt = {53, 4, 76, 0, 4, 38, 86, 43, 20};

class Decoding : public testing::TestWithParam<std::pair<const char*, const char*>> {};

// 40 steps: beyond the window of mistral (16), over a page of the cache (32).
TEST_P(Decoding, with_a_cache_equals_the_full_pass) {
  const Fixture fixture(GetParam().first, GetParam().second);
  Session session = fixture.session();
  session.prefill(prompt, nullptr);
  std::vector<int32_t> ids = prompt;
  for (int i = 0; i < 40; ++i) {
    const std::vector<float> expected = fixture.full(ids);
    ASSERT_LE(test::largest_difference(session.logits(), expected), 1e-4) << i;
    const Piece piece = session.next();
    const auto best = std::max_element(expected.begin(), expected.end()) - expected.begin();
    ASSERT_EQ(piece.token, best) << i;
    ASSERT_EQ(piece.position, static_cast<int64_t>(ids.size()));
    ids.push_back(piece.token);
  }
  EXPECT_EQ(session.tokens(), ids);
}

TEST_P(Decoding, rewinds_and_forks) {
  const Fixture fixture(GetParam().first, GetParam().second);
  Session session = fixture.session();
  session.prefill(prompt, nullptr);
  for (int i = 0; i < 30; ++i) session.next();
  const std::vector<int32_t> whole = session.tokens();
  const std::vector<float> last = session.logits();

  const auto fork = session.fork();
  fork->rewind(12);
  EXPECT_ERROR(Code::state, "prefill", fork->next());
  fork->prefill(std::vector<int32_t>{7, 8, 9}, nullptr);
  std::vector<int32_t> other(whole.begin(), whole.begin() + 12);
  other.insert(other.end(), {7, 8, 9});
  EXPECT_EQ(fork->tokens(), other);
  EXPECT_LE(test::largest_difference(fork->logits(), fixture.full(other)), 1e-4);

  // The fork wrote into copies of the shared pages: the original still holds its own past.
  EXPECT_EQ(session.tokens(), whole);
  EXPECT_EQ(session.logits(), last);
  session.prefill(std::vector<int32_t>{5}, nullptr);
  std::vector<int32_t> longer = whole;
  longer.push_back(5);
  EXPECT_LE(test::largest_difference(session.logits(), fixture.full(longer)), 1e-4);

  session.rewind(0);
  session.prefill(prompt, nullptr);
  EXPECT_LE(test::largest_difference(session.logits(), fixture.full(prompt)), 1e-4);

  session.replace(other, nullptr);
  EXPECT_EQ(session.tokens(), other);
  EXPECT_LE(test::largest_difference(session.logits(), fixture.full(other)), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Models, Decoding,
                         testing::Values(std::pair{"llama", ""}, std::pair{"mistral", ""},
                                         std::pair{"gpt2", ""}, std::pair{"qwen3", ""},
                                         std::pair{"llama", "llama_lora"},
                                         std::pair{"llama", "llama_lora_head"}, std::pair{"gpt2", "gpt2_ia3"},
                                         std::pair{"llama", "llama_prompt"}, std::pair{"gpt2", "gpt2_prompt"},
                                         std::pair{"gpt2", "gpt2_lora_embedding"}),
                         [](const auto& each) {
                           const std::string adapter = each.param.second;
                           return adapter.empty() ? std::string(each.param.first) : adapter;
                         });

TEST(Session, that_failed_or_was_cancelled_is_as_before) {
  const Fixture fixture("llama", "llama_prompt");
  Session session = fixture.session();
  CancelToken token;
  token.signal();
  EXPECT_ERROR(Code::cancelled, "", session.prefill(prompt, &token));
  EXPECT_TRUE(session.tokens().empty() && session.logits().empty());
  session.prefill(prompt, nullptr);
  const std::vector<float> logits = session.logits();
  const std::vector<int32_t> other = {1, 2, 3};
  EXPECT_ERROR(Code::cancelled, "", session.replace(other, &token));
  EXPECT_ERROR(Code::invalid_argument, "96", session.prefill(std::vector<int32_t>{96}, nullptr));
  EXPECT_ERROR(Code::invalid_argument, "-1", session.replace(std::vector<int32_t>{-1}, nullptr));
  EXPECT_ERROR(Code::invalid_argument, "no tokens", session.prefill({}, nullptr));
  EXPECT_ERROR(Code::invalid_argument, "beyond", session.rewind(10));
  GenerationOptions options;
  options.cancel = &token;
  session.set_options(options);
  EXPECT_ERROR(Code::cancelled, "", session.next());
  EXPECT_EQ(session.tokens(), prompt);
  EXPECT_EQ(session.logits(), logits);
  token.clear();
  EXPECT_GE(session.next().token, 0);
}

TEST(Session, ends_by_length_and_context) {
  const Fixture fixture("llama");
  Session session = fixture.session(12);
  EXPECT_ERROR(Code::limit, "context length of 12", session.prefill(std::vector<int32_t>(13, 1), nullptr));
  session.prefill(prompt, nullptr);
  GenerationOptions options;
  options.max_new_tokens = 2;
  session.set_options(options);
  EXPECT_EQ(session.next().finish, FinishReason::none);
  EXPECT_EQ(session.next().finish, FinishReason::none);
  EXPECT_EQ(session.next().finish, FinishReason::length);
  options.max_new_tokens = 0;
  session.set_options(options);
  EXPECT_EQ(session.next().finish, FinishReason::none);
  const Piece last = session.next();
  EXPECT_EQ(last.finish, FinishReason::context);
  EXPECT_TRUE(last.end);
  EXPECT_EQ(session.tokens().size(), 12u);
}

// Tokens of one byte each, none of them a character alone: a tiny model's draws are mostly inside a
// character.
std::shared_ptr<const Tokenizer> bytes_from_0x80() {
  Json json = test::byte_tokenizer();
  Json vocabulary = Json::object();
  for (const auto& [text, byte] : json["model"]["vocab"].items())
    if (byte >= 0x80 && byte < 0x80 + 96) vocabulary[text] = byte.get<int>() - 0x80;
  json["model"]["vocab"] = vocabulary;
  json["model"]["merges"] = Json::array();
  json["added_tokens"] = Json::array();
  json["post_processor"] = nullptr;
  return test::load(json);
}

std::vector<Piece> rest_of(Session& session) {
  std::vector<Piece> pieces;
  while (pieces.empty() || !pieces.back().end) pieces.push_back(session.next());
  return pieces;
}

TEST(Session, that_was_forked_goes_on_as_the_first) {
  const Fixture fixture("llama");
  GenerationOptions options;
  options.sampling.temperature = 2;
  options.sampling.seed = 7;
  options.max_new_tokens = 60;
  std::string text;
  for (const bool stops : {false, true}) {
    // The second time with a stop string, held back in part for a while.
    if (stops) options.stops = {text.substr(text.size() - 6)};
    Session session({{fixture.model, &fixture.model->transformer()}, bytes_from_0x80(), {}}, {}, one_thread,
                    0);
    session.prefill(prompt, nullptr);
    session.set_options(options);
    std::vector<std::unique_ptr<Session>> forks;
    std::vector<Piece> pieces;
    int held_back = 0;
    do {
      forks.push_back(session.fork());
      EXPECT_EQ(forks.back()->new_tokens(), session.new_tokens());
      EXPECT_EQ(forks.back()->finish_reason(), session.finish_reason());
      EXPECT_EQ(forks.back()->decode_seconds(), session.decode_seconds());
      EXPECT_EQ(forks.back()->prefill_seconds(), session.prefill_seconds());
      pieces.push_back(session.next());
      held_back += pieces.back().token >= 0 && pieces.back().text.empty();
      if (!stops) text += pieces.back().text;
    } while (!pieces.back().end);
    EXPECT_GT(held_back, 3);
    EXPECT_EQ(pieces.back().finish, stops ? FinishReason::stop : FinishReason::length);
    for (size_t at = 0; at < forks.size(); ++at) {
      const std::vector<Piece> rest = rest_of(*forks[at]);
      ASSERT_EQ(rest.size(), pieces.size() - at) << at;
      for (size_t i = 0; i < rest.size(); ++i) {
        EXPECT_EQ(rest[i].token, pieces[at + i].token) << at << " " << i;
        EXPECT_EQ(rest[i].position, pieces[at + i].position) << at << " " << i;
        EXPECT_EQ(rest[i].log_probability, pieces[at + i].log_probability) << at << " " << i;
        EXPECT_EQ(rest[i].text, pieces[at + i].text) << at << " " << i;
        EXPECT_EQ(rest[i].finish, pieces[at + i].finish) << at << " " << i;
      }
      EXPECT_EQ(forks[at]->new_tokens(), session.new_tokens());
    }
  }
}

// Each session keeps the adapter it began with while the trainer changes it.
TEST(Session, runs_beside_a_trainer_and_other_sessions) {
  const Fixture fixture("llama", "llama_lora");
  const std::vector<std::vector<int32_t>> rows = {{1, 2, 3, 4, 5, 6, 7}, {9, 8, 7, 6, 5}};
  const std::vector<TokenRow> views = {{rows[0], {}}, {rows[1], {}}};
  TrainerOptions options;
  options.learning_rate = 1e-2;
  options.schedule = Schedule::constant;
  Session alone = fixture.session();
  alone.prefill(prompt, nullptr);
  for (int i = 0; i < 30; ++i) alone.next();

  Trainer trainer({fixture.model, &fixture.model->transformer()}, fixture.adapter, nullptr, nullptr,
                  one_thread(), options, "base");
  std::vector<std::vector<int32_t>> results(3);
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] {
      Session session = fixture.session();
      session.prefill(prompt, nullptr);
      for (int i = 0; i < 30; ++i) {
        session.next();
        fixture.adapter->snapshot();
      }
      result = session.tokens();
    });
  }
  for (int i = 0; i < 10; ++i) trainer.step_rows(views, nullptr);
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(result, alone.tokens());
  EXPECT_NE(fixture.adapter->snapshot(), fixture.hooks[0]);
}

}  // namespace
}  // namespace peft
