using System;

namespace Libpeft.Native {
  /// <summary>A call that writes numbers, or with no memory only measures.</summary>
  internal delegate int NumberCall(IntPtr data, long cap, out long len);

  internal static class Numbers {
    internal static unsafe float[] Read(NumberCall call) {
      long size;
      call(IntPtr.Zero, 0, out size);
      var numbers = new float[size];
      fixed (float* at = numbers) call((IntPtr)at, size, out size);
      return numbers;
    }

    /// <summary>Into memory of the caller's; Status.Limit if it is too small. Gives the number of elements.</summary>
    internal static unsafe long ReadInto(float[] numbers, NumberCall call) {
      if (numbers == null) throw new ArgumentNullException("numbers");
      if (numbers.Length == 0) throw new PeftException(Status.Limit, "the buffer is empty");
      long size;
      fixed (float* at = numbers) call((IntPtr)at, numbers.Length, out size);
      return size;
    }
  }
}
