// Training while serving: one resident base, a trainer, sessions and adapters that come and go, all at once, each
// held against what it gives alone. Also run under the thread sanitizer.
//   capi_serving MODEL_FOLDER
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "peft/peft.h"

namespace {

constexpr int steps = 24, rounds = 12, vocabulary = 96;

void expect(bool condition, int line, const char* what) {
  if (condition) return;
  char text[512] = "";
  peft_last_error(text, sizeof text, nullptr);
  std::fprintf(stderr, "serving.cpp:%d: not so: %s (%s)\n", line, what, text);
  std::exit(1);
}
#define EXPECT(condition) expect(condition, __LINE__, #condition)
#define OK(call) expect((call) == PEFT_OK, __LINE__, #call)

template <typename Struct>
Struct sized() {
  Struct value{};
  value.struct_size = sizeof value;
  return value;
}

peft_dataset* rows_of(const peft_context* context) {
  static const int32_t ids[12] = {3, 14, 15, 9, 26, 5, 35, 8, 9, 7, 9, 3};
  peft_row rows[5];
  for (int i = 0; i < 5; ++i) {
    rows[i] = sized<peft_row>();
    rows[i].ids = ids + i;
    rows[i].id_count = 7;
  }
  peft_dataset* dataset = nullptr;
  OK(peft_dataset_from_rows(context, rows, 5, nullptr, &dataset));
  return dataset;
}

std::vector<double> train(peft_model* model, peft_adapter* adapter, const peft_dataset* dataset) {
  peft_trainer_options options;
  OK(peft_trainer_options_init(&options, sizeof options));
  options.max_steps = steps;
  peft_trainer* trainer = nullptr;
  OK(peft_trainer_create(model, adapter, dataset, &options, &trainer));
  std::vector<double> losses;
  for (int i = 0; i < steps; ++i) {
    auto result = sized<peft_step_result>();
    OK(peft_train_step(trainer, nullptr, &result));
    losses.push_back(result.loss);
  }
  peft_trainer_free(trainer);
  return losses;
}

std::vector<int32_t> answer(const peft_model* model, const peft_adapter* adapter, int32_t first) {
  peft_session_options options;
  OK(peft_session_options_init(&options, sizeof options));
  options.adapter_count = adapter ? 1 : 0;
  options.adapters = &adapter;
  peft_session* session = nullptr;
  OK(peft_session_create(model, &options, &session));
  peft_sampling_options sampling;
  OK(peft_sampling_options_init(&sampling, sizeof sampling));
  sampling.max_new_tokens = 16;
  sampling.ignore_eos = 1;
  OK(peft_session_set_sampling(session, &sampling));
  const int32_t prompt[] = {first, 14, 15, 9};
  OK(peft_session_prefill(session, prompt, 4, nullptr));
  std::vector<int32_t> tokens;
  for (;;) {
    auto piece = sized<peft_piece>();
    const peft_status status = peft_session_next(session, &piece, nullptr, 0, nullptr);
    EXPECT(status >= 0);
    if (status == PEFT_END) break;
    if (piece.token_id >= 0) tokens.push_back(piece.token_id);
  }
  peft_session_free(session);
  return tokens;
}

}  // namespace

int main(int count, char** arguments) {
  EXPECT(count == 2);
  peft_context_options options;
  OK(peft_context_options_init(&options, sizeof options));
  options.threads = 2;
  peft_context* context = nullptr;
  OK(peft_context_create(&options, &context));
  peft_model* model = nullptr;
  OK(peft_model_load(context, arguments[1], nullptr, &model));
  peft_dataset* dataset = rows_of(context);
  peft_adapter *alone = nullptr, *shared = nullptr, *steady = nullptr;
  OK(peft_attach_lora(model, "alone", nullptr, &alone));
  OK(peft_attach_lora(model, "shared", nullptr, &shared));
  OK(peft_attach_lora(model, "steady", nullptr, &steady));
  const std::vector<double> losses = train(model, alone, dataset);
  (void)train(model, steady, dataset);
  const std::vector<int32_t> base_answer = answer(model, nullptr, 3), steady_answer = answer(model, steady, 3);
  EXPECT(base_answer.size() == 16 && steady_answer.size() == 16);

  // As long as any session lives the base cannot be changed under the others.
  peft_session* resident = nullptr;
  OK(peft_session_create(model, nullptr, &resident));
  std::atomic<bool> trained{false};
  std::vector<double> shared_losses;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    shared_losses = train(model, shared, dataset);
    trained = true;
  });
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < rounds || !trained; ++round) {
        EXPECT(answer(model, nullptr, 3) == base_answer);
        EXPECT(answer(model, steady, 3) == steady_answer);
      }
    });
  }
  // The adapter in training is served too: with the values that it had at a step's end, whichever.
  threads.emplace_back([&] {
    for (int round = 0; round < rounds || !trained; ++round) EXPECT(answer(model, shared, 5).size() == 16);
  });
  threads.emplace_back([&] {
    for (int round = 0; round < rounds; ++round) {
      peft_adapter* guest = nullptr;
      OK(peft_attach_lora(model, "guest", nullptr, &guest));
      OK(peft_adapter_set_scale(guest, 0.5));
      EXPECT(answer(model, guest, 7).size() == 16);
      EXPECT(peft_quantize_nf4(model, nullptr) == PEFT_E_BUSY);
      OK(peft_adapter_detach(guest));
      EXPECT(answer(model, guest, 7).size() == 16);  // it lives until its last holder lets go
      peft_adapter_free(guest);
    }
  });
  threads.emplace_back([&] {
    for (int round = 0; round < rounds || !trained; ++round) {
      auto info = sized<peft_context_info>();
      OK(peft_context_get_info(context, &info));
      EXPECT(info.memory_bytes > 0);
      auto about = sized<peft_model_info>();
      OK(peft_model_get_info(model, &about));
      EXPECT(about.vocabulary_size == vocabulary);
      std::this_thread::yield();
    }
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT(shared_losses == losses);

  peft_session_free(resident);
  OK(peft_quantize_nf4(model, nullptr));
  peft_context_free(context);
  peft_dataset_free(dataset);
  peft_model_free(model);
  for (peft_adapter* adapter : {alone, shared, steady}) peft_adapter_free(adapter);
  std::printf("%d steps beside %d threads, each as it is alone\n", steps, static_cast<int>(threads.size()) - 1);
  return 0;
}
