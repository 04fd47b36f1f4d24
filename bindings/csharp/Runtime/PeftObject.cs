using System;
using System.Runtime.InteropServices;

namespace Libpeft {
  /// <summary>An object of the library. Dispose it; one that was forgotten is freed by its finaliser. Objects keep
  /// alive what they need: any order of Dispose is right, and any thread.</summary>
  public abstract class PeftObject : IDisposable {
    readonly SafeHandle held;

    internal PeftObject(SafeHandle handle) { held = handle; }

    public bool IsDisposed { get { return held.IsClosed; } }

    public void Dispose() {
      held.Dispose();
      Disposed();
    }

    internal virtual void Disposed() {}
  }
}
