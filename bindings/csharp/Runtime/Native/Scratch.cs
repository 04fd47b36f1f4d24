using System;

namespace Libpeft.Native {
  /// <summary>Memory for one call's text or ids, one a thread. What grew beyond the usual is given back after.</summary>
  internal static class Scratch {
    const long Usual = 1 << 16;
    [ThreadStatic] static PeftBuffer kept;

    internal static PeftBuffer Take() {
      PeftBuffer taken = kept ?? new PeftBuffer();
      kept = null;
      return taken;
    }

    static void Give(PeftBuffer buffer) {
      if (buffer.size() > Usual) buffer.Dispose();
      else kept = buffer;
    }

    internal static string Text(PeftBuffer buffer) {
      string text = Utf8.Text(buffer);
      Give(buffer);
      return text;
    }

    internal static int[] Ids(PeftBuffer buffer) {
      int[] ids = Utf8.Ids(buffer);
      Give(buffer);
      return ids;
    }
  }
}
