using System;
using System.Runtime.InteropServices;

namespace Libpeft.Native {
  /// <summary>The handles by their names in C. The marshaller holds one during a call, so that no finaliser frees it
  /// there; objects keep alive what they need, so any order of release is legal, from any thread.</summary>
  internal static class Handles {
    internal abstract class Base : SafeHandle {
      protected Base() : base(IntPtr.Zero, true) {}

      public override bool IsInvalid { get { return handle == IntPtr.Zero; } }

      /// <summary>For a second handle of the same object, after a retain.</summary>
      internal void Take(IntPtr value) { SetHandle(value); }
    }

    internal sealed class peft_cancel : Base {
      internal static readonly peft_cancel None = new peft_cancel();
      protected override bool ReleaseHandle() { PeftNative.peft_cancel_free(handle); return true; }
    }

    internal sealed class peft_context : Base {
      internal static readonly peft_context None = new peft_context();
      protected override bool ReleaseHandle() { PeftNative.peft_context_free(handle); return true; }
    }

    internal sealed class peft_model : Base {
      internal static readonly peft_model None = new peft_model();
      protected override bool ReleaseHandle() { PeftNative.peft_model_free(handle); return true; }
    }

    internal sealed class peft_adapter : Base {
      internal static readonly peft_adapter None = new peft_adapter();
      protected override bool ReleaseHandle() { PeftNative.peft_adapter_free(handle); return true; }
    }

    internal sealed class peft_tokenizer : Base {
      internal static readonly peft_tokenizer None = new peft_tokenizer();
      protected override bool ReleaseHandle() { PeftNative.peft_tokenizer_free(handle); return true; }
    }

    internal sealed class peft_stream_decoder : Base {
      internal static readonly peft_stream_decoder None = new peft_stream_decoder();
      protected override bool ReleaseHandle() { PeftNative.peft_stream_decoder_free(handle); return true; }
    }

    internal sealed class peft_dataset : Base {
      internal static readonly peft_dataset None = new peft_dataset();
      protected override bool ReleaseHandle() { PeftNative.peft_dataset_free(handle); return true; }
    }

    internal sealed class peft_trainer : Base {
      internal static readonly peft_trainer None = new peft_trainer();
      protected override bool ReleaseHandle() { PeftNative.peft_trainer_free(handle); return true; }
    }

    internal sealed class peft_session : Base {
      internal static readonly peft_session None = new peft_session();
      protected override bool ReleaseHandle() { PeftNative.peft_session_free(handle); return true; }
    }
  }
}
