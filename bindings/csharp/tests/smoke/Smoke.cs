using System;
using System.Threading;

namespace Libpeft.Tests {
  /// <summary>smoke version: says it, or why not (3). smoke end MODEL: ends with a training at work and nothing
  /// disposed.</summary>
  internal static class Smoke {
    static int Main(string[] arguments) {
      try {
        Console.WriteLine(Library.Version);
        if (arguments[0] == "end") End(arguments[1]);
        return 0;
      } catch (PeftLibraryException missing) {
        Console.WriteLine(missing.Message);
        return 3;
      }
    }

    static void End(string path) {
      Model model = new Context().LoadModel(path);
      Context context = new Context();
      Dataset dataset = context.MakeDataset(new Rows().Add(new[] { 1, 2, 3, 4, 5, 6, 7 }));
      Adapter adapter = model.AttachLora("left");
      Trainer trainer = model.CreateTrainer(adapter, dataset, new TrainerOptions { MaxSteps = 100000000 });
      Session session = model.CreateSession();
      session.Prefill(new[] { 1, 2, 3 });
      new Thread(() => trainer.Run()) { IsBackground = true }.Start();
      while (trainer.Info.Step < 3) Thread.Sleep(1);
      Console.WriteLine("ends");
    }
  }
}
