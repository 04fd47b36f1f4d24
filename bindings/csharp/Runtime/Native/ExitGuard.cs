using System;
using System.Collections.Generic;

namespace Libpeft.Native {
  /// <summary>A process that ends waits in some runtimes for the calls of its background threads: those that can be
  /// cancelled are.</summary>
  internal static class ExitGuard {
    static readonly List<CancelToken> Running = new List<CancelToken>();

    static ExitGuard() { AppDomain.CurrentDomain.ProcessExit += OnExit; }

    internal static void Enter(CancelToken token) {
      lock (Running) Running.Add(token);
    }

    internal static void Leave(CancelToken token) {
      lock (Running) Running.Remove(token);
    }

    static void OnExit(object sender, EventArgs arguments) {
      lock (Running)
        foreach (CancelToken token in Running) token.SignalIfAlive();
    }
  }
}
