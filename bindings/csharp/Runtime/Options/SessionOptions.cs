using System.Collections.Generic;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>What a session is made of. What is not set keeps its default.</summary>
  public sealed class SessionOptions {
    /// <summary>Most tokens it can hold; default 0 = the model's own. Memory is taken as the
    /// sequence grows.</summary>
    public long? ContextLength { get; set; }

    /// <summary>DType.Float32 (default: exact) or BFloat16.</summary>
    public DType? ComputeDtype { get; set; }

    /// <summary>Default Activations.Exact.</summary>
    public Activations? Activations { get; set; }

    /// <summary>Adapters that are active; none for the base model alone.</summary>
    public IList<Adapter> Adapters { get; set; }

    internal static peft_session_options Make(SessionOptions options) {
      if (options == null) return null;
      var made = new peft_session_options { Held = options };
      options.Fill(made);
      return made;
    }

    void Fill(peft_session_options made) {
      if (ContextLength.HasValue) made.context_length = ContextLength.Value;
      if (ComputeDtype.HasValue) made.compute_dtype = (int)ComputeDtype.Value;
      if (Activations.HasValue) made.activations = (int)Activations.Value;
      if (Adapters != null) foreach (Adapter adapter in Adapters) made.add_adapter(adapter.Handle);
    }
  }
}
