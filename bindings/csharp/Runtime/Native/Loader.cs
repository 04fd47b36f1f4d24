using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;

namespace Libpeft.Native {
  /// <summary>Finds the native halves (libpeft and the glue to it) and checks that they fit, once, before the first
  /// call. In Unity the engine finds them, as plugins.</summary>
  internal static class Loader {
    static readonly object Gate = new object();
    static volatile bool ready;

    internal static void Ensure() {
      if (ready) return;
      lock (Gate) {
        if (ready) return;
        var places = new List<string>();
#if !UNITY_5_3_OR_NEWER
        foreach (string folder in Folders()) if (Preload(folder, places)) break;
#endif
        CheckVersion(places);
        ready = true;
      }
    }

    static void CheckVersion(List<string> places) {
      int found;
      try {
        found = PeftNative.peft_abi_version();
      } catch (Exception e) when (e is DllNotFoundException || e is EntryPointNotFoundException ||
                                  e is BadImageFormatException) {
        places.Add("the system's own places for " + LibraryName.Value + " (" + e.Message + ")");
        throw new PeftLibraryException(
            "the native library of libpeft cannot be loaded; looked at:\n  " + string.Join("\n  ", places.ToArray()) +
            "\nset LIBPEFT_DIR to the folder that holds it");
      }
      if (found != PeftNative.PEFT_ABI_VERSION)
        throw new PeftLibraryException("libpeft has ABI version " + found + ", this binding needs " +
                                       PeftNative.PEFT_ABI_VERSION + " (" + PeftNative.peft_build_info() + ")");
    }

#if !UNITY_5_3_OR_NEWER
    static IEnumerable<string> Folders() {
      string asked = Environment.GetEnvironmentVariable("LIBPEFT_DIR");
      if (!string.IsNullOrEmpty(asked)) yield return asked;
      string own = Path.GetDirectoryName(typeof(Loader).Assembly.Location);
      if (string.IsNullOrEmpty(own)) own = AppDomain.CurrentDomain.BaseDirectory;
      yield return own;
      yield return Path.Combine(own, "runtimes", Dynamic.System + "-" + Dynamic.Processor, "native");
    }

    /// <summary>Opens both by path, the core first: later look-ups by name find what is already loaded.</summary>
    static bool Preload(string folder, List<string> places) {
      string core = Path.Combine(folder, Dynamic.Core), glue = Path.Combine(folder, Dynamic.Glue);
      if (File.Exists(core)) places.Add(core + ": " + (Dynamic.Open(core) ?? "loaded"));
      else places.Add(core + ": not there");
      if (!File.Exists(glue)) {
        places.Add(glue + ": not there");
        return false;
      }
      string error = Dynamic.Open(glue);
      places.Add(glue + ": " + (error ?? "loaded"));
      return error == null;
    }
#endif
  }
}
