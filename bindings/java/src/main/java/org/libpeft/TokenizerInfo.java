package org.libpeft;

import org.libpeft.swig.peft_tokenizer_info;

/**
 * What a tokenizer is. Token ids that it does not have are -1.
 *
 * @param vocabularySize ids are below it, added tokens included
 * @param bosId beginning of a sequence
 * @param eosId end of a sequence
 * @param addsBos 1: encoding with special tokens puts bos_id before the text
 * @param addsEos 1: encoding with special tokens puts eos_id after the text
 * @param kind "byte_level_bpe", "sentencepiece", else the model's name in tokenizer.json, such as
 *     "unigram"
 * @param preTokenizer what GGUF calls the way of a byte-level BPE to cut text into words: "gpt-2",
 *     "smollm", "llama-bpe" ...; empty if it has no name there
 */
public record TokenizerInfo(
    int vocabularySize,
    int bosId,
    int eosId,
    int padId,
    int unknownId,
    boolean addsBos,
    boolean addsEos,
    boolean hasChatTemplate,
    String kind,
    String preTokenizer) {

  static TokenizerInfo of(peft_tokenizer_info from) {
    return new TokenizerInfo(
        from.getVocabulary_size(),
        from.getBos_id(),
        from.getEos_id(),
        from.getPad_id(),
        from.getUnknown_id(),
        from.getAdds_bos() != 0,
        from.getAdds_eos() != 0,
        from.getHas_chat_template() != 0,
        Text.string(from.getKind()),
        Text.string(from.getPre_tokenizer()));
  }
}
