using Libpeft.Native;

namespace Libpeft {
  /// <summary>How a prompt enters a session. What is not set keeps its default.</summary>
  public sealed class PrefillOptions {
    /// <summary>Text: the tokenizer's special tokens; default AUTO: at position 0 only.</summary>
    public Choice? AddSpecial { get; set; }

    /// <summary>Chat: true (default) ends with what the answer begins after.</summary>
    public bool? AddGenerationPrompt { get; set; }

    /// <summary>Chat: a template instead of the tokenizer's own; default null.</summary>
    public string ChatTemplate { get; set; }

    /// <summary>Chat: JSON array of tool descriptions; default null.</summary>
    public string ToolsJson { get; set; }

    /// <summary>Stops the call, and tells how far it has come; a CancellationToken does the former too.</summary>
    public CancelToken Cancel { get; set; }

    internal static peft_prefill_options Make(PrefillOptions options, Handles.peft_cancel cancel) {
      if (options == null && cancel == null) return null;
      var made = new peft_prefill_options { Held = options };
      if (options != null) options.Fill(made);
      if (cancel != null) made.cancel = cancel;
      return made;
    }

    void Fill(peft_prefill_options made) {
      if (AddSpecial.HasValue) made.add_special = (int)AddSpecial.Value;
      if (AddGenerationPrompt.HasValue) made.add_generation_prompt = AddGenerationPrompt.Value ? 1 : 0;
      if (ChatTemplate != null) made.chat_template = ChatTemplate;
      if (ToolsJson != null) made.tools_json = ToolsJson;
    }
  }
}
