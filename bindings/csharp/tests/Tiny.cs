using System;
using System.IO;
using System.Linq;
using NUnit.Framework;

namespace Libpeft.Tests {
  /// <summary>The committed tiny model and what tests make of it.</summary>
  internal static class Tiny {
    internal static readonly string Root = Environment.GetEnvironmentVariable("LIBPEFT_ROOT");
    internal static readonly string ModelPath = Path.Combine(Root, "tests/data/families/llama");
    internal static readonly string AdapterPath = Path.Combine(Root, "tests/data/adapters/llama_lora");
    internal static readonly string TokenizerPath = Path.Combine(Root, "tests/capi/tokenizer.json");
    internal static readonly int[] Ids = { 57, 63, 48, 59, 17, 87, 77, 12, 1, 71, 82, 24 };

    internal static Dataset MakeDataset(Context context) {
      using (var rows = new Rows()) {
        for (int i = 0; i < 4; i++) rows.Add(Ids.Skip(i).ToArray());
        return context.MakeDataset(rows);
      }
    }

    internal static Status CodeOf(TestDelegate call) {
      try {
        call();
        return Status.Ok;
      } catch (Exception e) {
        return PeftException.CodeOf(e);
      }
    }

    internal static void Gives(Status expected, TestDelegate call) { Assert.AreEqual(expected, CodeOf(call)); }

    /// <summary>A folder for one test, empty.</summary>
    internal static string Folder(string name) {
      string path = Path.Combine(Path.GetTempPath(), "libpeft-csharp-" + name + "-" + Guid.NewGuid().ToString("N"));
      Directory.CreateDirectory(path);
      return path;
    }

    internal static long ResidentBytes() {
      foreach (string line in File.ReadAllLines("/proc/self/status"))
        if (line.StartsWith("VmRSS:"))
          return 1024 * long.Parse(new string(line.Where(char.IsDigit).ToArray()));
      return 0;
    }
  }

  /// <summary>A model with an adapter and rows, for the tests of one class.</summary>
  public abstract class WithModel {
    protected Context Context;
    protected Model Model;
    protected Dataset Dataset;

    [TestFixtureSetUp]
    public void LoadAll() {
      Context = new Context();
      Model = Context.LoadModel(Tiny.ModelPath);
      Dataset = Tiny.MakeDataset(Context);
    }

    [TestFixtureTearDown]
    public void FreeAll() {
      Context.Dispose();
      Dataset.Dispose();
      Model.Dispose();
    }

    /// <summary>Runs with a trainer on a fresh adapter, which is taken off again.</summary>
    protected void WithTrainer(TrainerOptions options, Action<Trainer> use) {
      using (Adapter adapter = Model.AttachLora("fresh", new LoraConfig { R = 2 })) {
        try {
          using (Trainer trainer = Model.CreateTrainer(adapter, Dataset, options)) use(trainer);
        } finally {
          adapter.Detach();
        }
      }
    }
  }
}
