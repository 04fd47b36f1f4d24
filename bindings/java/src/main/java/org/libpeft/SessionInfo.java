package org.libpeft;

import org.libpeft.swig.peft_session_info;

/**
 * Where a session stands.
 *
 * @param finishReason of the last generation
 * @param position tokens held
 * @param contextLength most that it can hold
 * @param newTokens made since the last prefill or change of the sampling
 * @param cacheBytes key/value cache, a share of pages shared with forks included
 * @param memoryBytes all that it holds
 * @param prefillSeconds of the last prefill
 * @param decodeSeconds spent on new_tokens
 */
public record SessionInfo(
    FinishReason finishReason,
    long position,
    long contextLength,
    long newTokens,
    long cacheBytes,
    long memoryBytes,
    double prefillSeconds,
    double decodeSeconds) {

  static SessionInfo of(peft_session_info from) {
    return new SessionInfo(
        FinishReason.of(from.getFinish_reason()),
        from.getPosition(),
        from.getContext_length(),
        from.getNew_tokens(),
        from.getCache_bytes(),
        from.getMemory_bytes(),
        from.getPrefill_seconds(),
        from.getDecode_seconds());
  }
}
