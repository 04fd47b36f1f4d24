using Libpeft.Native;

namespace Libpeft {
  /// <summary>How to attach or load an adapter of any method. What is not set keeps its default.</summary>
  public sealed class AdapterOptions {
    /// <summary>True (default): a trainer may change it; false: frozen.</summary>
    public bool? Trainable { get; set; }

    /// <summary>Of first values; &gt;= 0; default 42.</summary>
    public long? Seed { get; set; }

    /// <summary>Stops the call, and tells how far it has come; a CancellationToken does the former too.</summary>
    public CancelToken Cancel { get; set; }

    internal static peft_adapter_options Make(AdapterOptions options, Handles.peft_cancel cancel) {
      if (options == null && cancel == null) return null;
      var made = new peft_adapter_options { Held = options };
      if (options != null) options.Fill(made);
      if (cancel != null) made.cancel = cancel;
      return made;
    }

    void Fill(peft_adapter_options made) {
      if (Trainable.HasValue) made.trainable = Trainable.Value ? 1 : 0;
      if (Seed.HasValue) made.seed = Seed.Value;
    }
  }
}
