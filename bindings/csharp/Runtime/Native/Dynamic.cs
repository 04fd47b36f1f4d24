#if !UNITY_5_3_OR_NEWER
using System;
using System.IO;
using System.Runtime.InteropServices;

namespace Libpeft.Native {
  /// <summary>The system's own way to open a library, and how it names things.</summary>
  internal static class Dynamic {
    const int Now = 2, Global = 0x100; // RTLD_NOW, RTLD_GLOBAL of glibc

    static readonly bool Windows = Path.DirectorySeparatorChar == '\\';
    static readonly bool Mac = !Windows && Directory.Exists("/System/Library/CoreServices");

    internal static string System { get { return Windows ? "win" : Mac ? "osx" : "linux"; } }
    internal static string Core { get { return Windows ? "peft.dll" : Mac ? "libpeft.1.dylib" : "libpeft.so.1"; } }

    internal static string Glue {
      get { return Windows ? "peft_csharp.dll" : Mac ? "libpeft_csharp.dylib" : "libpeft_csharp.so"; }
    }

    internal static string Processor {
      get { return RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(); }
    }

    /// <summary>Null, or why not.</summary>
    internal static string Open(string path) {
      if (Windows)
        return LoadLibraryW(path) != IntPtr.Zero ? null : "error " + Marshal.GetLastWin32Error();
      if (Mac) return OpenOnMac(path, Now) != IntPtr.Zero ? null : "dlopen failed";
      if (dlopen(path, Now | Global) != IntPtr.Zero) return null;
      return Marshal.PtrToStringAnsi(dlerror()) ?? "dlopen failed";
    }

    [DllImport("kernel32", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern IntPtr LoadLibraryW(string path);

    [DllImport("libdl.so.2")]
    static extern IntPtr dlopen(string path, int flags);

    [DllImport("libdl.so.2")]
    static extern IntPtr dlerror();

    [DllImport("libSystem.dylib", EntryPoint = "dlopen")]
    static extern IntPtr OpenOnMac(string path, int flags);
  }
}
#endif
