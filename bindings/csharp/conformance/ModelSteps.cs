using System;
using System.IO;
using System.Linq;
using System.Text;
using static Libpeft.Conformance.World;

namespace Libpeft.Conformance {
  /// <summary>Loading, text, adapters.</summary>
  internal static class ModelSteps {
    internal static void Load(World w) {
      Scenario s = w.Given;
      w.Context = new Context();
      w.Model = w.LoadTiny();
      ModelInfo info = w.Model.Info;
      That(info.Family == s.Text("model.family"), "family");
      That(info.Layers == s.Number("model.layers"), "layers");
      That(info.HiddenSize == s.Number("model.hidden_size"), "hidden size");
      That(info.AttentionHeads == s.Number("model.attention_heads"), "attention heads");
      That(info.KeyValueHeads == s.Number("model.key_value_heads"), "key value heads");
      That(info.VocabularySize == s.Number("model.vocabulary_size"), "vocabulary");
      That(info.TiedHead == (s.Number("model.tied_head") != 0), "tied head");
      That(info.ParameterElements == s.Number("model.parameter_elements"), "elements");
      That(info.WeightBytes == s.Number("model.weight_bytes"), "bytes");
      double nll = Score(w.Model, null, w.Row);
      That(Math.Abs(nll - s.Number("row.nll")) <= s.Number("row.tolerance"), "nll");
      s.PrintBits("nll", nll);
    }

    static void EncodeAndDecode(Tokenizer tokenizer, byte[] utf8, int[] expected) {
      string text = Encoding.UTF8.GetString(utf8);
      That(tokenizer.Encode(text).SequenceEqual(expected), "ids of " + text);
      That(tokenizer.Encode(utf8).SequenceEqual(expected), "ids of the bytes of " + text);
      That(tokenizer.Decode(expected) == text, "decoded " + text);
      using (StreamDecoder decoder = tokenizer.CreateDecoder()) {
        var all = new StringBuilder();
        foreach (int id in expected) all.Append(WholeCodePoints(decoder.Push(id)));
        all.Append(WholeCodePoints(decoder.Finish()));
        That(all.ToString() == text, "streamed " + text);
      }
    }

    static string WholeCodePoints(string piece) {
      That(piece == "" || !char.IsLowSurrogate(piece[0]) && !char.IsHighSurrogate(piece[piece.Length - 1]),
           "whole code points");
      return piece;
    }

    internal static void Text(World w) {
      const string Messages = "[{\"role\": \"user\", \"content\": \"caf\\u00e9 \\ud83d\\ude00\"}]";
      Scenario s = w.Given;
      using (Tokenizer tokenizer = w.Context.LoadTokenizer(w.InRoot("text.tokenizer"))) {
        That(tokenizer.Info.VocabularySize == s.Number("text.vocabulary_size"), "vocabulary");
        That(tokenizer.TokenId(s.Text("text.end_token")) == s.Number("text.end_token_id"), "end token");
        for (int i = 0; i < s.Count("text.cases.count"); i++)
          EncodeAndDecode(tokenizer, s.Bytes("text.cases." + i + ".utf8_hex"), s.Ids("text.cases." + i + ".ids"));
        for (int i = 0; i < s.Count("text.invalid.count"); i++) {
          byte[] invalid = s.Bytes("text.invalid." + i + ".hex");
          Gives(Status.InvalidArgument, () => tokenizer.Encode(invalid));
        }
        foreach (string lone in new[] { "\ud83d", "a\ude00b", "\ude00\ud83d" })
          Gives(Status.InvalidArgument, () => tokenizer.Encode(lone));
        var options = new ChatOptions {
          ChatTemplate = "{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}"
        };
        That(tokenizer.ApplyChat(Messages, options) == "user=caf\u00e9 \ud83d\ude00;", "chat template");
      }
    }

    internal static void LoadSmolLM2(World w) {
      Scenario s = w.Given;
      string path = Environment.GetEnvironmentVariable("PEFT_SMOLLM2_GGUF");
      if (string.IsNullOrEmpty(path))
        path = Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "",
                            ".cache/libpeft/SmolLM2-135M-Instruct.Q4_1.gguf");
      if (!File.Exists(path)) throw new StepSkipped("no model");
      w.SmolLM2 = w.Context.LoadModel(path);
      ModelInfo info = w.SmolLM2.Info;
      That(info.Family == s.Text("smollm2.family"), "family");
      That(info.VocabularySize == s.Number("smollm2.vocabulary_size"), "vocabulary");
      That(info.Layers == s.Number("smollm2.layers"), "layers");
      That(info.HasTokenizer && info.HasChatTemplate, "tokenizer and template");
      s.Print("parameter_elements", info.ParameterElements);
    }

    internal static void TextSmolLM2(World w) {
      Scenario s = w.Given;
      if (w.SmolLM2 == null) throw new StepSkipped("no model");
      using (Tokenizer tokenizer = w.SmolLM2.Tokenizer()) {
        for (int i = 0; i < s.Count("smollm2.cases.count"); i++)
          EncodeAndDecode(tokenizer, s.Bytes("smollm2.cases." + i + ".utf8_hex"), s.Ids("smollm2.cases." + i + ".ids"));
        string rendered = tokenizer.ApplyChat(s.Text("smollm2.messages_json"));
        That(rendered == s.Utf8("smollm2.rendered_hex"), "rendered chat");
        That(tokenizer.Encode(rendered).SequenceEqual(s.Ids("smollm2.prompt_ids")), "ids of the chat");
      }
    }

    internal static void Adapter(World w) {
      Scenario s = w.Given;
      That(w.Model != null, "the model is there");
      w.Adapter = w.Model.LoadAdapter(s.Text("adapter.name"), w.InRoot("adapter.path"));
      AdapterInfo info = w.Adapter.Info;
      That(info.Method == s.Text("adapter.method"), "method");
      That(info.R == s.Number("adapter.r") && info.LoraAlpha == s.Number("adapter.lora_alpha"), "r and alpha");
      That(info.ParameterCount == s.Number("adapter.parameter_count"), "parameters");
      That(info.Trainable && info.Attached && info.Scale == 1, "trainable, attached, scale 1");
      double nll = Score(w.Model, w.Adapter, s.Ids("adapter.row_ids"));
      That(Math.Abs(nll - s.Number("adapter.nll")) <= s.Number("adapter.tolerance"), "nll");
      s.PrintBits("nll", nll);
    }
  }
}
