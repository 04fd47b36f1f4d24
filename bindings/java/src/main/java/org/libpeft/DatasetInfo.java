package org.libpeft;

import org.libpeft.swig.peft_dataset_info;

/**
 * What a data set holds.
 *
 * @param format as found or as asked for
 * @param rows rows that can be used
 * @param tokens of these rows
 * @param lossTokens of which bear a loss: a row's first token never does
 * @param longestRow in tokens
 * @param truncatedRows rows that were cut at max_seq_len
 * @param maskedRows rows left out since no token bears a loss
 * @param emptyRows rows left out since they hold nothing
 * @param completionOnly 1: loss on answers alone
 * @param appendedEos 1: EOS was appended
 * @param summary what was found, in words for the user, cut to fit
 */
public record DatasetInfo(
    DataFormat format,
    long rows,
    long tokens,
    long lossTokens,
    long longestRow,
    long truncatedRows,
    long maskedRows,
    long emptyRows,
    boolean completionOnly,
    boolean appendedEos,
    String summary) {

  static DatasetInfo of(peft_dataset_info from) {
    return new DatasetInfo(
        DataFormat.of(from.getFormat()),
        from.getRows(),
        from.getTokens(),
        from.getLoss_tokens(),
        from.getLongest_row(),
        from.getTruncated_rows(),
        from.getMasked_rows(),
        from.getEmpty_rows(),
        from.getCompletion_only() != 0,
        from.getAppended_eos() != 0,
        Text.string(from.getSummary()));
  }
}
