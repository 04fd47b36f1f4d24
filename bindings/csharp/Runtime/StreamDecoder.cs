using Libpeft.Native;

namespace Libpeft {
  /// <summary>Turns tokens into text as they arrive, whole code points only. For one thread at a time.</summary>
  public sealed class StreamDecoder : PeftObject {
    readonly Handles.peft_stream_decoder handle;

    internal StreamDecoder(Handles.peft_stream_decoder handle) : base(handle) { this.handle = handle; }

    /// <summary>The text that is complete with this token, perhaps none.</summary>
    public string Push(int id) {
      PeftBuffer buffer = Scratch.Take();
      PeftNative.peft_stream_decoder_push(handle, id, buffer);
      return Scratch.Text(buffer);
    }

    /// <summary>What is left; after it the decoder is as new.</summary>
    public string Finish() { return Push(-1); }
  }
}
