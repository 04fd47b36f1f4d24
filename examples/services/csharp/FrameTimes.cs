using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;

/// <summary>Ends frames on time and remembers how long each took from one end to the next.</summary>
sealed class FrameTimes {
  readonly Stopwatch watch = Stopwatch.StartNew();
  readonly List<double> idle = new List<double>(), training = new List<double>();
  double due, last;

  internal void End(double frameSeconds, bool whileTraining) {
    due += frameSeconds;
    double now = watch.Elapsed.TotalSeconds;
    if (due > now) Thread.Sleep(TimeSpan.FromSeconds(due - now));
    else if (now - due > 0.25) due = now; // far behind: do not hurry through what was missed
    now = watch.Elapsed.TotalSeconds;
    if (last > 0) (whileTraining ? training : idle).Add(1e3 * (now - last));
    last = now;
  }

  internal void Print(TextWriter to) {
    Print(to, "without training", idle);
    Print(to, "with training", training);
  }

  static void Print(TextWriter to, string when, List<double> frames) {
    if (frames.Count == 0) return;
    var sorted = new List<double>(frames);
    sorted.Sort();
    to.WriteLine("frames {0}: {1}, median {2:F2} ms, 99th percentile {3:F2} ms, longest {4:F2} ms", when, sorted.Count,
                 sorted[sorted.Count / 2], sorted[sorted.Count * 99 / 100], sorted[sorted.Count - 1]);
  }
}
