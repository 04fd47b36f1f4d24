// fuzz-links: text
// A chat template, a NUL, and messages as JSON: rendering ends within its bounds and gives the same text
// again, and what it calls the assistant's lies in that text, in order.
#include "target.h"
#include "text/chat_template.h"

using namespace peft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  const size_t end = std::min(input.find('\0'), input.size());
  return fuzz::accept_errors([&] {
    Limits limits;
    limits.template_fuel = 200'000;
    limits.template_output_bytes = 1 << 16;
    limits.text_bytes = 1 << 18;
    const auto compiled = ChatTemplate::compile(input.substr(0, end), limits);
    const Json messages = parse_json(end < input.size() ? input.substr(end + 1) : "[]", "messages", limits);
    ChatOptions options;
    options.bos_token = "<s>";
    options.eos_token = "</s>";
    options.now = 1'700'000'000;
    for (const bool prompt : {false, true}) {
      options.add_generation_prompt = prompt;
      fuzz::accept_errors([&] {
        const std::string text = compiled->render(messages, options);
        fuzz::require(static_cast<int64_t>(text.size()) <= limits.template_output_bytes,
                      "the output is bounded");
        fuzz::require(compiled->render(messages, options) == text, "the same text again");
      });
    }
    const MaskedChat chat = compiled->render_with_mask(messages, options);
    int64_t before = 0;
    for (const TextSpan& span : chat.assistant) {
      fuzz::require(span.begin >= before && span.begin <= span.end &&
                        span.end <= static_cast<int64_t>(chat.text.size()),
                    "turns lie in the text, in order");
      before = span.end;
    }
  });
}
