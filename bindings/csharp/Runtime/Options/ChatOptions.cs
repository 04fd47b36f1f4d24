using Libpeft.Native;

namespace Libpeft {
  /// <summary>How to render messages. What is not set keeps its default.</summary>
  public sealed class ChatOptions {
    /// <summary>True (default): end with what the assistant's answer begins after.</summary>
    public bool? AddGenerationPrompt { get; set; }

    /// <summary>A Jinja template instead of the tokenizer's own; default null = its own.</summary>
    public string ChatTemplate { get; set; }

    /// <summary>JSON array of tool descriptions for the template; default null = none.</summary>
    public string ToolsJson { get; set; }

    internal static peft_chat_options Make(ChatOptions options) {
      if (options == null) return null;
      var made = new peft_chat_options { Held = options };
      options.Fill(made);
      return made;
    }

    void Fill(peft_chat_options made) {
      if (AddGenerationPrompt.HasValue) made.add_generation_prompt = AddGenerationPrompt.Value ? 1 : 0;
      if (ChatTemplate != null) made.chat_template = ChatTemplate;
      if (ToolsJson != null) made.tools_json = ToolsJson;
    }
  }
}
