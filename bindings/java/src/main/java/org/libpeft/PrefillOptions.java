package org.libpeft;

import org.libpeft.swig.peft_prefill_options;

/** How a prompt enters a session. What is not set keeps its default. */
public final class PrefillOptions extends Options<peft_prefill_options, PrefillOptions> {
  public PrefillOptions() {}

  /** Text: the tokenizer's special tokens; default AUTO: at position 0 only. */
  public PrefillOptions addSpecial(Choice addSpecial) {
    return set(to -> to.setAdd_special(addSpecial.ordinal()));
  }

  /** Chat: 1 (default) ends with what the answer begins after. */
  public PrefillOptions addGenerationPrompt(boolean addGenerationPrompt) {
    return set(to -> to.setAdd_generation_prompt(addGenerationPrompt ? 1 : 0));
  }

  /** Chat: a template instead of the tokenizer's own; default NULL. */
  public PrefillOptions chatTemplate(String chatTemplate) {
    return set(to -> to.setChat_template(Text.name(chatTemplate)));
  }

  /** Chat: JSON array of tool descriptions; default NULL. */
  public PrefillOptions toolsJson(String toolsJson) {
    return set(to -> to.setTools_json(Text.name(toolsJson)));
  }

  /** A cancelled prefill leaves the session as it was. */
  public PrefillOptions cancel(Cancel cancel) {
    holding(cancel);
    return set(to -> to.setCancel(cancel.handle()));
  }

  @Override
  peft_prefill_options create() {
    return new peft_prefill_options();
  }
}
