using System;

namespace Libpeft {
  /// <summary>A call of the library failed: its code, and its message as it was when the call ended. Cancelled calls
  /// throw <see cref="PeftCanceledException"/>, closed objects ObjectDisposedException.</summary>
  public class PeftException : Exception {
    public PeftException(Status code, string message) : base(message) { Code = code; }

    public Status Code { get; }

    public override string ToString() { return Code + ": " + base.ToString(); }

    /// <summary>The code that C would give for an exception of this binding; Internal for any other.</summary>
    public static Status CodeOf(Exception exception) {
      var own = exception as PeftException;
      if (own != null) return own.Code;
      if (exception is OperationCanceledException) return Status.Cancelled;
      if (exception is ObjectDisposedException) return Status.BadHandle;
      return exception is ArgumentException ? Status.InvalidArgument : Status.Internal;
    }
  }

  /// <summary>A call stopped since it was asked to. What it worked on stands where it can go on.</summary>
  public sealed class PeftCanceledException : OperationCanceledException {
    public PeftCanceledException(string message) : base(message) {}

    public Status Code { get { return Status.Cancelled; } }
  }

  /// <summary>The native library is missing (the message lists every place that was looked at) or of another
  /// version.</summary>
  public sealed class PeftLibraryException : PeftException {
    public PeftLibraryException(string message) : base(Status.NotFound, message) {}
  }
}
