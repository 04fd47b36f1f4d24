using System;
using System.Threading;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>A request to stop that any number of calls may share; once signalled it stays so. A CancellationToken is
  /// enough to stop a call; this one tells too how far a load or a training has come.</summary>
  public sealed class CancelToken : IDisposable {
    internal readonly Handles.peft_cancel Handle;

    public CancelToken() {
      Loader.Ensure();
      PeftNative.peft_cancel_create(out Handle);
    }

    /// <summary>From any thread.</summary>
    public void Signal() { PeftNative.peft_cancel_signal(Handle); }

    /// <summary>How far the latest load or training that was given this has come, from 0 to 1.</summary>
    public double Progress {
      get {
        double fraction;
        PeftNative.peft_cancel_progress(Handle, out fraction);
        return fraction;
      }
    }

    public void Dispose() { Handle.Dispose(); }

    internal void SignalIfAlive() {
      try {
        Signal();
      } catch (ObjectDisposedException) {
        return; // the call is over
      }
    }

    /// <summary>A CancellationToken and perhaps a CancelToken, for the length of a call.</summary>
    internal struct Scope : IDisposable {
      readonly CancelToken own, used;
      readonly bool guarded;
      readonly CancellationTokenRegistration registration;

      internal Handles.peft_cancel Handle { get { return used == null ? null : used.Handle; } }

      /// <summary>With always a token is there even if nobody gave one: the end of the process stops the call.</summary>
      internal Scope(CancellationToken cancellation, CancelToken given = null, bool always = false,
                     bool lasting = false) {
        own = given == null && (always || cancellation.CanBeCanceled) ? new CancelToken() : null;
        used = given ?? own;
        registration = default(CancellationTokenRegistration);
        guarded = used != null && !lasting; // what outlives its call may be forgotten, and must not be held here
        if (guarded) ExitGuard.Enter(used);
        if (cancellation.CanBeCanceled) registration = cancellation.Register(SignalOne, used);
      }

      static void SignalOne(object token) { ((CancelToken)token).SignalIfAlive(); }

      public void Dispose() {
        registration.Dispose();
        if (guarded) ExitGuard.Leave(used);
        if (own != null) own.Dispose();
      }
    }
  }
}
