package org.libpeft;

import org.libpeft.swig.peft_piece;

/**
 * One piece of a generation.
 *
 * @param tokenId the token made, the end of the sequence included; -1: rest of the text only
 * @param position of the token in the session
 * @param logprob natural logarithm of its probability before sampling filters
 * @param finishReason NONE until the end
 * @param text the text that is complete with it, whole code points; empty where there is none
 */
public record Piece(
    int tokenId,
    long position,
    double logprob,
    FinishReason finishReason,
    String text) {

  static Piece of(peft_piece from, String text) {
    return new Piece(
        from.getToken_id(),
        from.getPosition(),
        from.getLogprob(),
        FinishReason.of(from.getFinish_reason()),
        text);
  }
}
