using Libpeft.Native;

namespace Libpeft {
  /// <summary>What a data set holds.</summary>
  public sealed class DatasetInfo {
    /// <summary>As found or as asked for.</summary>
    public DataFormat Format { get; }

    /// <summary>Rows that can be used.</summary>
    public long Rows { get; }

    /// <summary>Of these rows.</summary>
    public long Tokens { get; }

    /// <summary>Of which bear a loss: a row's first token never does.</summary>
    public long LossTokens { get; }

    /// <summary>In tokens.</summary>
    public long LongestRow { get; }

    /// <summary>Rows that were cut at MaxSeqLen.</summary>
    public long TruncatedRows { get; }

    /// <summary>Rows left out since no token bears a loss.</summary>
    public long MaskedRows { get; }

    /// <summary>Rows left out since they hold nothing.</summary>
    public long EmptyRows { get; }

    /// <summary>True: loss on answers alone.</summary>
    public bool CompletionOnly { get; }

    /// <summary>True: EOS was appended.</summary>
    public bool AppendedEos { get; }

    /// <summary>What was found, in words for the user, cut to fit.</summary>
    public string Summary { get; }

    internal DatasetInfo(peft_dataset_info from) {
      Format = (DataFormat)from.format;
      Rows = from.rows;
      Tokens = from.tokens;
      LossTokens = from.loss_tokens;
      LongestRow = from.longest_row;
      TruncatedRows = from.truncated_rows;
      MaskedRows = from.masked_rows;
      EmptyRows = from.empty_rows;
      CompletionOnly = from.completion_only != 0;
      AppendedEos = from.appended_eos != 0;
      Summary = from.summary;
    }
  }
}
