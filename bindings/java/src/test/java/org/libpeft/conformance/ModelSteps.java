package org.libpeft.conformance;

import static org.libpeft.conformance.World.gives;
import static org.libpeft.conformance.World.near;
import static org.libpeft.conformance.World.that;

import java.nio.file.Path;
import java.util.Arrays;
import org.libpeft.*;

/** Loading, text and adapters. */
final class ModelSteps {
  private ModelSteps() {}

  static void load(World w) {
    Scenario s = w.scenario;
    w.context = new Context();
    w.model = w.loadTiny();
    ModelInfo info = w.model.info();
    that(info.family().equals(s.text("model.family")), "family");
    that(info.layers() == s.integer("model.layers"), "layers");
    that(info.hiddenSize() == s.integer("model.hidden_size"), "hidden size");
    that(info.attentionHeads() == s.integer("model.attention_heads"), "heads");
    that(info.keyValueHeads() == s.integer("model.key_value_heads"), "key/value heads");
    that(info.vocabularySize() == s.integer("model.vocabulary_size"), "vocabulary");
    that(info.tiedHead() == (s.integer("model.tied_head") == 1), "tied head");
    that(info.parameterElements() == s.integer("model.parameter_elements"), "parameters");
    that(info.weightBytes() == s.integer("model.weight_bytes"), "bytes");
    double nll = w.score(w.model, null, s.ids("row.ids"));
    near(nll, s.number("row.nll"), s.number("row.tolerance"), "nll");
    s.bits("nll", nll);
  }

  private static void encodeAndDecode(Tokenizer tokenizer, String text, int[] expected) {
    int[] ids = tokenizer.encode(text, false);
    that(Arrays.equals(ids, expected), "ids of " + text);
    that(tokenizer.decode(ids, false).equals(text), "decoded " + text);
    StringBuilder all = new StringBuilder();
    try (StreamDecoder decoder = tokenizer.streamDecoder(false)) {
      for (int id : ids) all.append(decoder.push(id));
      all.append(decoder.finish());
    }
    that(all.toString().equals(text), "streamed " + text);
  }

  static void text(World w) throws Exception {
    Scenario s = w.scenario;
    try (Tokenizer tokenizer = w.context.loadTokenizer(w.root.resolve(s.text("text.tokenizer")))) {
      that(tokenizer.info().vocabularySize() == s.integer("text.vocabulary_size"), "vocabulary");
      that(tokenizer.tokenId(s.text("text.end_token")).getAsInt() == s.count("text.end_token_id"), "end token");
      for (int i = 0; i < s.count("text.cases.count"); i++)
        encodeAndDecode(tokenizer, s.string("text.cases." + i + ".utf8_hex"), s.ids("text.cases." + i + ".ids"));
      for (int i = 0; i < s.count("text.invalid.count"); i++) {
        byte[] bytes = s.bytes("text.invalid." + i + ".hex");
        gives(Status.INVALID_ARGUMENT, () -> tokenizer.encode(bytes, false));
      }
      gives(Status.INVALID_ARGUMENT, () -> tokenizer.encode("a\ud83db", false));
      ChatOptions options =
          new ChatOptions().chatTemplate("{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}");
      String messages = "[{\"role\": \"user\", \"content\": \"caf\\u00e9 \\ud83d\\ude00\"}]";
      that(tokenizer.applyChat(messages, options).equals("user=café 😀;"), "rendered");
    }
  }

  static void loadSmollm2(World w) {
    Scenario s = w.scenario;
    Path path = World.smollm2Path();
    if (path == null) throw new World.Skipped("no model");
    w.smollm2 = w.context.loadModel(path);
    ModelInfo info = w.smollm2.info();
    that(info.family().equals(s.text("smollm2.family")), "family");
    that(info.vocabularySize() == s.integer("smollm2.vocabulary_size"), "vocabulary");
    that(info.layers() == s.integer("smollm2.layers"), "layers");
    that(info.hasTokenizer() && info.hasChatTemplate(), "tokenizer and template");
    s.value("parameter_elements", info.parameterElements());
  }

  static void textSmollm2(World w) {
    Scenario s = w.scenario;
    try (Tokenizer tokenizer = w.needSmollm2().tokenizer()) {
      for (int i = 0; i < s.count("smollm2.cases.count"); i++)
        encodeAndDecode(tokenizer, s.string("smollm2.cases." + i + ".utf8_hex"), s.ids("smollm2.cases." + i + ".ids"));
      String rendered = tokenizer.applyChat(s.text("smollm2.messages_json"), null);
      that(rendered.equals(s.string("smollm2.rendered_hex")), "rendered");
      that(Arrays.equals(tokenizer.encode(rendered, false), s.ids("smollm2.prompt_ids")), "prompt");
    }
  }

  static void adapter(World w) {
    Scenario s = w.scenario;
    w.given = w.model.loadAdapter(s.text("adapter.name"), w.root.resolve(s.text("adapter.path")), null);
    AdapterInfo info = w.given.info();
    that(info.method().equals(s.text("adapter.method")), "method");
    that(info.r() == s.count("adapter.r") && info.loraAlpha() == s.number("adapter.lora_alpha"), "r and alpha");
    that(info.parameterCount() == s.integer("adapter.parameter_count"), "parameters");
    that(info.trainable() && info.attached() && info.scale() == 1, "trainable, attached, scale 1");
    double nll = w.score(w.model, w.given, s.ids("adapter.row_ids"));
    near(nll, s.number("adapter.nll"), s.number("adapter.tolerance"), "nll");
    s.bits("nll", nll);
  }
}
