using Libpeft.Native;

namespace Libpeft {
  /// <summary>What a tokenizer is. Token ids that it does not have are -1.</summary>
  public sealed class TokenizerInfo {
    /// <summary>Ids are below it, added tokens included.</summary>
    public int VocabularySize { get; }

    /// <summary>Beginning of a sequence.</summary>
    public int BosId { get; }

    /// <summary>End of a sequence.</summary>
    public int EosId { get; }

    public int PadId { get; }

    public int UnknownId { get; }

    /// <summary>True: encoding with special tokens puts BosId before the text.</summary>
    public bool AddsBos { get; }

    /// <summary>True: encoding with special tokens puts EosId after the text.</summary>
    public bool AddsEos { get; }

    public bool HasChatTemplate { get; }

    /// <summary>"byte_level_bpe", "sentencepiece", else the model's name in tokenizer.json, such as
    /// "unigram".</summary>
    public string Kind { get; }

    /// <summary>What GGUF calls the way of a byte-level BPE to cut text into words: "gpt-2",
    /// "smollm", "llama-bpe" ...; empty if it has no name there.</summary>
    public string PreTokenizer { get; }

    internal TokenizerInfo(peft_tokenizer_info from) {
      VocabularySize = from.vocabulary_size;
      BosId = from.bos_id;
      EosId = from.eos_id;
      PadId = from.pad_id;
      UnknownId = from.unknown_id;
      AddsBos = from.adds_bos != 0;
      AddsEos = from.adds_eos != 0;
      HasChatTemplate = from.has_chat_template != 0;
      Kind = from.kind;
      PreTokenizer = from.pre_tokenizer;
    }
  }
}
