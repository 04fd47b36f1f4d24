package org.libpeft;

import org.libpeft.swig.peft_chat_options;

/** How to render messages. What is not set keeps its default. */
public final class ChatOptions extends Options<peft_chat_options, ChatOptions> {
  public ChatOptions() {}

  /** 1 (default): end with what the assistant's answer begins after. */
  public ChatOptions addGenerationPrompt(boolean addGenerationPrompt) {
    return set(to -> to.setAdd_generation_prompt(addGenerationPrompt ? 1 : 0));
  }

  /** A Jinja template instead of the tokenizer's own; default NULL = its own. */
  public ChatOptions chatTemplate(String chatTemplate) {
    return set(to -> to.setChat_template(Text.name(chatTemplate)));
  }

  /** JSON array of tool descriptions for the template; default NULL = none. */
  public ChatOptions toolsJson(String toolsJson) {
    return set(to -> to.setTools_json(Text.name(toolsJson)));
  }

  @Override
  peft_chat_options create() {
    return new peft_chat_options();
  }
}
