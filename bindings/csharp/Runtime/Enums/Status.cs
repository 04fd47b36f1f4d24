namespace Libpeft {
  /// <summary>Outcome of a call; errors are below zero.</summary>
  public enum Status {
    Ok = 0,
    /// <summary>Nothing more comes: end of data, of generation, of the log.</summary>
    End = 1,
    /// <summary>Stopped by a time budget; call again to go on (kept for later versions).</summary>
    Pending = 2,
    /// <summary>A training step had a non-finite loss or gradient: counted, nothing was updated.</summary>
    StepSkipped = 3,
    /// <summary>Done, and the message holds a remark that the user should see.</summary>
    Note = 4,
    /// <summary>A value is null, out of its range, not finite, or not initialised.</summary>
    InvalidArgument = -1,
    /// <summary>The handle is null, freed, foreign or of another type.</summary>
    BadHandle = -2,
    /// <summary>Another thread or another object uses what this call needs for itself.</summary>
    Busy = -3,
    /// <summary>Host or device memory is exhausted, or the context's bound is reached.</summary>
    OutOfMemory = -4,
    /// <summary>The operating system refused to read or write.</summary>
    Io = -5,
    /// <summary>A file or text is malformed.</summary>
    Format = -6,
    /// <summary>Well formed, but this build cannot do it.</summary>
    Unsupported = -7,
    /// <summary>No such file, tensor, module, adapter or checkpoint.</summary>
    NotFound = -8,
    /// <summary>Two things that must fit do not, such as an adapter and a model.</summary>
    Mismatch = -9,
    /// <summary>A limit would be exceeded, or an output buffer is too small.</summary>
    Limit = -10,
    /// <summary>The cancel token was signalled, or a callback returned 1.</summary>
    Cancelled = -11,
    /// <summary>A callback reported failure.</summary>
    Callback = -12,
    /// <summary>A non-finite value where a finite one is needed.</summary>
    Numeric = -13,
    /// <summary>The device is absent or failed.</summary>
    Device = -14,
    /// <summary>The device failed for good; only freeing still works on it.</summary>
    DeviceLost = -15,
    /// <summary>It would do harm and was not forced.</summary>
    Refused = -16,
    /// <summary>Called from inside a callback of the same object.</summary>
    Reentrant = -17,
    /// <summary>Used in a child process after fork.</summary>
    Forked = -18,
    /// <summary>A legal call at the wrong moment.</summary>
    State = -19,
    /// <summary>A bug of the library.</summary>
    Internal = -20,
  }
}
