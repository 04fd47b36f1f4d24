using System;
using System.Text;

namespace Libpeft.Native {
  /// <summary>Text as the library has it. What is not UTF-8 is refused, never changed.</summary>
  internal static class Utf8 {
    static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

    /// <summary>NUL may be inside; a lone surrogate may not.</summary>
    internal static byte[] Bytes(string text, string what) {
      if (text == null) throw new ArgumentNullException(what);
      try {
        return Strict.GetBytes(text);
      } catch (EncoderFallbackException) {
        throw new PeftException(Status.InvalidArgument, what + ": a surrogate without its other half");
      }
    }

    internal static unsafe string Text(PeftBuffer from) {
      int size = checked((int)from.size());
      string text = size == 0 ? "" : Encoding.UTF8.GetString((byte*)from.address(), size);
      GC.KeepAlive(from);
      return text;
    }

    internal static unsafe string Text(IntPtr from, long size) {
      return size == 0 ? "" : Encoding.UTF8.GetString((byte*)from, checked((int)size));
    }

    internal static int[] Ids(PeftBuffer from) {
      var ids = new int[checked((int)(from.size() / sizeof(int)))];
      if (ids.Length > 0)
        System.Runtime.InteropServices.Marshal.Copy(new IntPtr(from.address()), ids, 0, ids.Length);
      GC.KeepAlive(from);
      return ids;
    }
  }
}
