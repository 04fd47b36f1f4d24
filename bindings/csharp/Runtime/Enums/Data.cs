namespace Libpeft {
  /// <summary>What the labels of a row mean.</summary>
  public enum LabelKind {
    /// <summary>No labels given: each token predicts the next one.</summary>
    NextToken = 0,
    /// <summary>Labels[i] is ids[i], or Rows.Ignored: no loss on predicting it.</summary>
    Tokens = 1,
    /// <summary>Labels[0] is the class of the row (classification models).</summary>
    Class = 2,
    /// <summary>Labels[0], labels[1]: first and last token of the answer (question answering).</summary>
    Span = 3,
    /// <summary>Values[0] is the number to predict (regression).</summary>
    Value = 4,
  }

  /// <summary>Shapes of rows in files and text.</summary>
  public enum DataFormat {
    /// <summary>Found by the file's name and first row, and reported.</summary>
    Auto = 0,
    /// <summary>JSONL, {"messages": [...]} or {"conversations": [...]}.</summary>
    Chat = 1,
    /// <summary>JSONL, {"instruction", "input"?, "output"}.</summary>
    Instruction = 2,
    /// <summary>JSONL, {"prompt", "completion"}.</summary>
    PromptCompletion = 3,
    /// <summary>JSONL, {"text"}.</summary>
    Text = 4,
    /// <summary>Plain text, cut into rows of MaxSeqLen tokens.</summary>
    Plain = 5,
    /// <summary>JSONL, {"token_ids", "labels"?}; needs no tokenizer.</summary>
    Tokens = 6,
  }

  /// <summary>Columns of a row.</summary>
  public enum RowPart {
    Ids = 0,
    /// <summary>As many as ids for token labels, Rows.Ignored where there is no loss.</summary>
    Labels = 1,
    /// <summary>None if the row has none.</summary>
    TypeIds = 2,
    /// <summary>None if the row has none.</summary>
    DecoderIds = 3,
  }
}
