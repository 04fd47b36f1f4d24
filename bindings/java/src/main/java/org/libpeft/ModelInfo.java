package org.libpeft;

import org.libpeft.swig.peft_model_info;

/**
 * What a model is. Figures that a family does not have are 0.
 *
 * @param dtype type that holds most of the weights
 * @param family "llama", "qwen2", "qwen3", "mistral", "gpt2" ...
 * @param device "cpu", "cuda:0"
 * @param parameterElements numbers in the base weights, a tied one counted once
 * @param weightBytes memory of the base weights
 * @param originalBytes memory of originals that a merge keeps for peft_unmerge
 * @param parameterCount tensors; see peft_model_parameter_at
 * @param moduleCount modules that adapters can target; see peft_model_module_at
 * @param adapterCount attached adapters; see peft_model_adapter_at
 * @param vocabularySize rows of the embedding, which may exceed the tokenizer's words
 * @param contextLength longest sequence that the model was made for
 * @param mergeTensorCount tensors in the report of the last merge; see peft_merge_tensor_at
 * @param mergedAdapters adapters merged and not undone
 * @param tiedHead 1: the output head is the embedding
 * @param hostWeightBytes of weight_bytes those in pinned host memory (embedding_placement)
 */
public record ModelInfo(
    DType dtype,
    String family,
    String device,
    long parameterElements,
    long weightBytes,
    long originalBytes,
    long parameterCount,
    long moduleCount,
    long adapterCount,
    long layers,
    long hiddenSize,
    long attentionHeads,
    long keyValueHeads,
    long headSize,
    long feedForwardSize,
    long vocabularySize,
    long contextLength,
    long mergeTensorCount,
    int mergedAdapters,
    boolean tiedHead,
    boolean hasTokenizer,
    boolean hasChatTemplate,
    long hostWeightBytes) {

  static ModelInfo of(peft_model_info from) {
    return new ModelInfo(
        DType.of(from.getDtype()),
        Text.string(from.getFamily()),
        Text.string(from.getDevice()),
        from.getParameter_elements(),
        from.getWeight_bytes(),
        from.getOriginal_bytes(),
        from.getParameter_count(),
        from.getModule_count(),
        from.getAdapter_count(),
        from.getLayers(),
        from.getHidden_size(),
        from.getAttention_heads(),
        from.getKey_value_heads(),
        from.getHead_size(),
        from.getFeed_forward_size(),
        from.getVocabulary_size(),
        from.getContext_length(),
        from.getMerge_tensor_count(),
        from.getMerged_adapters(),
        from.getTied_head() != 0,
        from.getHas_tokenizer() != 0,
        from.getHas_chat_template() != 0,
        from.getHost_weight_bytes());
  }
}
