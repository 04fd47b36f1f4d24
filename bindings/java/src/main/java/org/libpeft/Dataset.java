package org.libpeft;

import java.lang.ref.Reference;
import java.nio.file.Path;
import org.libpeft.swig.Peft;
import org.libpeft.swig.peft_dataset_info;
import org.libpeft.swig.peft_dataset_options;

/** Encoded rows; never changes, and may be used by many threads at once. */
public final class Dataset extends Handle {
  private Dataset(long handle) {
    super(handle, Peft::peft_dataset_free);
  }

  /** Reads a file of rows (.jsonl, .json, .txt). The tokenizer may be null for rows of token ids. */
  public static Dataset fromFile(Context context, Tokenizer tokenizer, Path path, DatasetOptions options) {
    try (Options.Made<peft_dataset_options> made = Options.of(options)) {
      return make(
          out ->
              Peft.peft_dataset_from_file(
                  context.handle(), of(tokenizer), Text.name(path.toString()), made.struct, out),
          Dataset::new);
    } finally {
      Reference.reachabilityFence(context);
      Reference.reachabilityFence(tokenizer);
      Reference.reachabilityFence(options);
    }
  }

  /** The same of text that such a file would hold. */
  public static Dataset fromText(Context context, Tokenizer tokenizer, String text, DatasetOptions options) {
    try (Options.Made<peft_dataset_options> made = Options.of(options)) {
      return make(
          out ->
              Peft.peft_dataset_from_text(context.handle(), of(tokenizer), Text.utf8(text), made.struct, out),
          Dataset::new);
    } finally {
      Reference.reachabilityFence(context);
      Reference.reachabilityFence(tokenizer);
      Reference.reachabilityFence(options);
    }
  }

  /** Copies rows of tokens. */
  public static Dataset fromRows(Context context, Rows rows, DatasetOptions options) {
    try (Options.Made<peft_dataset_options> made = Options.of(options)) {
      return make(out -> Peft.peft_dataset_from_rows(context.handle(), rows.alive(), made.struct, out), Dataset::new);
    } finally {
      Reference.reachabilityFence(context);
      Reference.reachabilityFence(options);
    }
  }

  public DatasetInfo info() {
    try (peft_dataset_info info = new peft_dataset_info()) {
      Peft.peft_dataset_get_info(handle(), info);
      return DatasetInfo.of(info);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** One column of a row. */
  public int[] row(long row, RowPart part) {
    int[][] data = new int[1][];
    try {
      Peft.peft_dataset_row(handle(), row, part.ordinal(), data);
    } finally {
      Reference.reachabilityFence(this);
    }
    return data[0];
  }
}
