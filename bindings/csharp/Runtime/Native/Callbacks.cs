using System;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Libpeft.Native {
  /// <summary>What the library calls back: static functions that find their listener by a GCHandle. No exception goes
  /// through native code: it is kept, the call is failed, and the caller throws it again.</summary>
  internal static class Callbacks {
    const int GoOn = 0, CancelCall = 1, Fail = -1;

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate int TrainFunction(IntPtr state, IntPtr happened);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate int ProgressFunction(IntPtr state, double fraction);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate int LogFunction(IntPtr state, int level, IntPtr text, UIntPtr size);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate void DropFunction(IntPtr state);

    // Held for ever: the library may call them as long as the process lives.
    static readonly TrainFunction TrainKept = OnTrain;
    static readonly ProgressFunction ProgressKept = OnProgress;
    static readonly LogFunction LogKept = OnLog;
    static readonly DropFunction DropKept = OnDrop;

    internal static readonly IntPtr Train = Marshal.GetFunctionPointerForDelegate(TrainKept);
    internal static readonly IntPtr Progress = Marshal.GetFunctionPointerForDelegate(ProgressKept);
    internal static readonly IntPtr Log = Marshal.GetFunctionPointerForDelegate(LogKept);
    internal static readonly IntPtr Drop = Marshal.GetFunctionPointerForDelegate(DropKept);

    /// <summary>A listener for the length of one call.</summary>
    internal sealed class Listener : IDisposable {
      internal Func<TrainingEvent, bool> Trained;
      internal Action<double> Progressed;
      Exception thrown;
      GCHandle handle;

      internal Listener() { handle = GCHandle.Alloc(this); }

      internal IntPtr State { get { return GCHandle.ToIntPtr(handle); } }

      internal int Failed(Exception exception) {
        thrown = exception;
        return Fail;
      }

      /// <summary>Throws what the listener threw, in place of the library's word for it.</summary>
      internal void Rethrow() {
        if (thrown != null) ExceptionDispatchInfo.Capture(thrown).Throw();
      }

      public void Dispose() { handle.Free(); }
    }

    [MonoPInvokeCallback(typeof(TrainFunction))]
    static int OnTrain(IntPtr state, IntPtr happened) {
      var listener = (Listener)GCHandle.FromIntPtr(state).Target;
      try {
        return listener.Trained(new TrainingEvent(new peft_step_result(happened, false))) ? GoOn : CancelCall;
      } catch (Exception exception) {
        return listener.Failed(exception);
      }
    }

    [MonoPInvokeCallback(typeof(ProgressFunction))]
    static int OnProgress(IntPtr state, double fraction) {
      var listener = (Listener)GCHandle.FromIntPtr(state).Target;
      try {
        listener.Progressed(fraction);
        return GoOn;
      } catch (Exception exception) {
        return listener.Failed(exception);
      }
    }

    [MonoPInvokeCallback(typeof(LogFunction))]
    static int OnLog(IntPtr state, int level, IntPtr text, UIntPtr size) {
      try {
        var sink = (Action<LogLevel, string>)GCHandle.FromIntPtr(state).Target;
        sink((LogLevel)level, Utf8.Text(text, (long)size));
      } catch (Exception) {
        return Fail; // nobody to tell: the call that logs is not the listener's
      }
      return GoOn;
    }

    [MonoPInvokeCallback(typeof(DropFunction))]
    static void OnDrop(IntPtr state) {
      try {
        GCHandle.FromIntPtr(state).Free();
      } catch (InvalidOperationException) {
        return;
      }
    }
  }
}
