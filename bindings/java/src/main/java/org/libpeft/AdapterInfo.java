package org.libpeft;

import org.libpeft.swig.peft_adapter_info;

/**
 * What an adapter is.
 *
 * @param r rank, or number of virtual tokens; 0 where the method has neither
 * @param method PEFT's peft_type: "LORA", "IA3", "PROMPT_TUNING"
 * @param loraAlpha 0 where the method has none
 * @param scale factor on its effect; 1 unless set
 * @param parameterElements its numbers
 * @param parameterBytes their memory
 * @param parameterCount tensors; see peft_adapter_parameter_at
 * @param moduleCount modules that it changes
 * @param trainedSteps optimizer steps applied since it was attached or loaded
 * @param attached 0 after peft_adapter_detach
 * @param merged 1: part of the base weights now
 */
public record AdapterInfo(
    int r,
    String method,
    double loraAlpha,
    double scale,
    long parameterElements,
    long parameterBytes,
    long parameterCount,
    long moduleCount,
    long trainedSteps,
    boolean trainable,
    boolean attached,
    boolean merged) {

  static AdapterInfo of(peft_adapter_info from) {
    return new AdapterInfo(
        from.getR(),
        Text.string(from.getMethod()),
        from.getLora_alpha(),
        from.getScale(),
        from.getParameter_elements(),
        from.getParameter_bytes(),
        from.getParameter_count(),
        from.getModule_count(),
        from.getTrained_steps(),
        from.getTrainable() != 0,
        from.getAttached() != 0,
        from.getMerged() != 0);
  }
}
