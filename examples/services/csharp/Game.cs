using System;
using System.Collections.Concurrent;
using System.Globalization;
using System.Threading;

/// <summary>game MODEL: a loop of 60 frames a second with a character in it. The console says what the player does:
/// "say WORD", "teach WORD = ACTION", "wait" (until the character has no more to do), "frames", "quit".</summary>
static class Game {
  const double FrameSeconds = 1.0 / 60;

  static int Main(string[] arguments) {
    CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
    if (arguments.Length != 1) {
      Console.Error.WriteLine("usage: game MODEL");
      return 2;
    }
    var typed = new ConcurrentQueue<string>();
    new Thread(() => {
      for (string line = Console.ReadLine(); line != null; line = Console.ReadLine()) typed.Enqueue(line.Trim());
      typed.Enqueue("quit");
    }) { IsBackground = true }.Start();
    using (var character = new Character(arguments[0])) {
      var frames = new FrameTimes();
      var world = new World();
      bool waiting = false;
      for (;;) {
        string line;
        if (waiting && !character.IsBusy) waiting = false;
        if (!waiting && typed.TryDequeue(out line)) {
          if (line == "quit") break;
          if (line == "wait") waiting = true;
          else if (line == "frames") frames.Print(Console.Out);
          else if (!character.Hear(line)) Console.WriteLine("game: what does \"" + line + "\" mean?");
        }
        string said;
        while (character.Said.TryDequeue(out said)) Console.WriteLine(said);
        world.Move(FrameSeconds);
        frames.End(FrameSeconds, character.IsTraining);
      }
      frames.Print(Console.Out);
    }
    return 0;
  }
}
