using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>The library itself: version, capabilities, devices, log. Its log is silent until a level is set.</summary>
  public static class Library {
    public static string Version {
      get { Loader.Ensure(); return PeftNative.peft_version(); }
    }

    public static int AbiVersion {
      get { Loader.Ensure(); return PeftNative.peft_abi_version(); }
    }

    /// <summary>Version, compiler, configuration, backends.</summary>
    public static string BuildInfo {
      get { Loader.Ensure(); return PeftNative.peft_build_info(); }
    }

    /// <summary>Whether this build on this machine has a named capability: "cuda", "gguf", "family:llama" ...</summary>
    public static bool HasFeature(string name) {
      Loader.Ensure();
      return PeftNative.peft_has_feature(name) != 0;
    }

    /// <summary>How C spells a status, such as "PEFT_E_FORMAT".</summary>
    public static string StatusName(Status status) {
      Loader.Ensure();
      return PeftNative.peft_status_name((int)status);
    }

    /// <summary>Message of the last call of this thread that failed; exceptions have it already.</summary>
    public static string LastMessage {
      get {
        Loader.Ensure();
        PeftBuffer buffer = Scratch.Take();
        PeftNative.peft_last_error(buffer);
        return Scratch.Text(buffer);
      }
    }

    /// <summary>The devices that can be used now; the CPU is the first.</summary>
    public static IList<DeviceInfo> Devices {
      get {
        Loader.Ensure();
        int count;
        PeftNative.peft_device_count(out count);
        var devices = new List<DeviceInfo>();
        for (int i = 0; i < count; i++)
          using (var info = new peft_device_info()) {
            PeftNative.peft_device_get_info(i, info);
            devices.Add(new DeviceInfo(info));
          }
        return devices;
      }
    }

    /// <summary>How much is logged, for the whole process.</summary>
    public static void SetLogLevel(LogLevel level) {
      Loader.Ensure();
      PeftNative.peft_log_set_level((int)level);
    }

    /// <summary>Takes the oldest of the last 1024 records; false if there is none.</summary>
    public static bool PollLog(out LogLevel level, out string text) {
      Loader.Ensure();
      PeftBuffer buffer = Scratch.Take();
      int found;
      bool some = PeftNative.peft_log_poll(out found, buffer) != (int)Status.End;
      text = Scratch.Text(buffer);
      level = (LogLevel)found;
      return some;
    }

    /// <summary>Sends records to a function instead of the queue, on the thread that logs; null goes back to the
    /// queue. What the function throws is lost.</summary>
    public static void SetLogListener(Action<LogLevel, string> listener) {
      Loader.Ensure();
      if (listener == null) {
        PeftNative.peft_log_set_callback(IntPtr.Zero, IntPtr.Zero, IntPtr.Zero);
        return;
      }
      IntPtr state = GCHandle.ToIntPtr(GCHandle.Alloc(listener)); // freed by the drop, which always comes
      PeftNative.peft_log_set_callback(Callbacks.Log, state, Callbacks.Drop);
    }
  }
}
