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

    /// <summary>A CancellationToken and perhaps a CancelToken, for the length of a call.</summary>
    internal struct Scope : IDisposable {
      readonly CancelToken own;
      readonly CancellationTokenRegistration registration;

      internal Handles.peft_cancel Handle { get; }

      internal Scope(CancellationToken cancellation, CancelToken given = null) {
        own = given == null && cancellation.CanBeCanceled ? new CancelToken() : null;
        CancelToken used = given ?? own;
        Handle = used == null ? null : used.Handle;
        registration = default(CancellationTokenRegistration);
        if (cancellation.CanBeCanceled) registration = cancellation.Register(SignalOne, used);
      }

      static void SignalOne(object token) {
        try {
          ((CancelToken)token).Signal();
        } catch (ObjectDisposedException) {
          return; // the call is over
        }
      }

      public void Dispose() {
        registration.Dispose();
        if (own != null) own.Dispose();
      }
    }
  }
}
