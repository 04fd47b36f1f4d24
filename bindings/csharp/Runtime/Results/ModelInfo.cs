using Libpeft.Native;

namespace Libpeft {
  /// <summary>What a model is. Figures that a family does not have are 0.</summary>
  public sealed class ModelInfo {
    /// <summary>Type that holds most of the weights.</summary>
    public DType Dtype { get; }

    /// <summary>"llama", "qwen2", "qwen3", "mistral", "gpt2" ...</summary>
    public string Family { get; }

    /// <summary>"cpu", "cuda:0".</summary>
    public string Device { get; }

    /// <summary>Numbers in the base weights, a tied one counted once.</summary>
    public long ParameterElements { get; }

    /// <summary>Memory of the base weights.</summary>
    public long WeightBytes { get; }

    /// <summary>Memory of originals that a merge keeps for Model.Unmerge.</summary>
    public long OriginalBytes { get; }

    /// <summary>Tensors; see Model.Parameters.</summary>
    public long ParameterCount { get; }

    /// <summary>Modules that adapters can target; see Model.Modules.</summary>
    public long ModuleCount { get; }

    /// <summary>Attached adapters; see Model.Adapters.</summary>
    public long AdapterCount { get; }

    public long Layers { get; }

    public long HiddenSize { get; }

    public long AttentionHeads { get; }

    public long KeyValueHeads { get; }

    public long HeadSize { get; }

    public long FeedForwardSize { get; }

    /// <summary>Rows of the embedding, which may exceed the tokenizer's words.</summary>
    public long VocabularySize { get; }

    /// <summary>Longest sequence that the model was made for.</summary>
    public long ContextLength { get; }

    /// <summary>Tensors in the report of the last merge; see Model.MergeReport.</summary>
    public long MergeTensorCount { get; }

    /// <summary>Adapters merged and not undone.</summary>
    public int MergedAdapters { get; }

    /// <summary>True: the output head is the embedding.</summary>
    public bool TiedHead { get; }

    public bool HasTokenizer { get; }

    public bool HasChatTemplate { get; }

    /// <summary>Of WeightBytes those in pinned host memory (EmbeddingPlacement).</summary>
    public long HostWeightBytes { get; }

    internal ModelInfo(peft_model_info from) {
      Dtype = (DType)from.dtype;
      Family = from.family;
      Device = from.device;
      ParameterElements = from.parameter_elements;
      WeightBytes = from.weight_bytes;
      OriginalBytes = from.original_bytes;
      ParameterCount = from.parameter_count;
      ModuleCount = from.module_count;
      AdapterCount = from.adapter_count;
      Layers = from.layers;
      HiddenSize = from.hidden_size;
      AttentionHeads = from.attention_heads;
      KeyValueHeads = from.key_value_heads;
      HeadSize = from.head_size;
      FeedForwardSize = from.feed_forward_size;
      VocabularySize = from.vocabulary_size;
      ContextLength = from.context_length;
      MergeTensorCount = from.merge_tensor_count;
      MergedAdapters = from.merged_adapters;
      TiedHead = from.tied_head != 0;
      HasTokenizer = from.has_tokenizer != 0;
      HasChatTemplate = from.has_chat_template != 0;
      HostWeightBytes = from.host_weight_bytes;
    }
  }
}
