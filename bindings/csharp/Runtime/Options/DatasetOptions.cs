using Libpeft.Native;

namespace Libpeft {
  /// <summary>How rows become tokens. What is not set keeps its default.</summary>
  public sealed class DatasetOptions {
    /// <summary>Default DataFormat.Auto.</summary>
    public DataFormat? Format { get; set; }

    /// <summary>Longer rows are cut at the right and counted; default 2048 (common practice); 0 =
    /// never.</summary>
    public long? MaxSeqLen { get; set; }

    /// <summary>Loss on answers alone; default AUTO: yes for chat, instruction and
    /// prompt/completion rows, no for text.</summary>
    public Choice? CompletionOnly { get; set; }

    /// <summary>True (default): text, instruction and completion rows end with the tokenizer's EOS;
    /// chat rows end as the template has it.</summary>
    public bool? AppendEos { get; set; }

    /// <summary>Special tokens around a row; default AUTO: as the tokenizer has them, none where a
    /// chat template made the text.</summary>
    public Choice? AddSpecial { get; set; }

    /// <summary>A Jinja template instead of the tokenizer's own; default null.</summary>
    public string ChatTemplate { get; set; }

    /// <summary>Rows before this one are left out; default 0.</summary>
    public long? FirstRow { get; set; }

    /// <summary>Rows to take; default 0 = all.</summary>
    public long? RowCount { get; set; }

    /// <summary>Stops the call, and tells how far it has come; a CancellationToken does the former too.</summary>
    public CancelToken Cancel { get; set; }

    internal static peft_dataset_options Make(DatasetOptions options, Handles.peft_cancel cancel) {
      if (options == null && cancel == null) return null;
      var made = new peft_dataset_options { Held = options };
      if (options != null) options.Fill(made);
      if (cancel != null) made.cancel = cancel;
      return made;
    }

    void Fill(peft_dataset_options made) {
      if (Format.HasValue) made.format = (int)Format.Value;
      if (MaxSeqLen.HasValue) made.max_seq_len = MaxSeqLen.Value;
      if (CompletionOnly.HasValue) made.completion_only = (int)CompletionOnly.Value;
      if (AppendEos.HasValue) made.append_eos = AppendEos.Value ? 1 : 0;
      if (AddSpecial.HasValue) made.add_special = (int)AddSpecial.Value;
      if (ChatTemplate != null) made.chat_template = ChatTemplate;
      if (FirstRow.HasValue) made.first_row = FirstRow.Value;
      if (RowCount.HasValue) made.row_count = RowCount.Value;
    }
  }
}
