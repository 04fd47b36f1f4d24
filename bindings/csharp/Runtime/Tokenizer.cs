using System;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>Text to token ids and back. Never changes: for any number of threads.</summary>
  public sealed class Tokenizer : PeftObject {
    internal readonly Handles.peft_tokenizer Handle;

    internal Tokenizer(Handles.peft_tokenizer handle) : base(handle) { Handle = handle; }

    public TokenizerInfo Info {
      get {
        using (var info = new peft_tokenizer_info()) {
          PeftNative.peft_tokenizer_get_info(Handle, info);
          return new TokenizerInfo(info);
        }
      }
    }

    /// <summary>Text to ids. Without addSpecial after a chat template.</summary>
    public int[] Encode(string text, bool addSpecial = false) {
      return Encode(Utf8.Bytes(text, "text"), addSpecial);
    }

    /// <summary>The same for text that is UTF-8 already.</summary>
    public unsafe int[] Encode(byte[] utf8, bool addSpecial = false) {
      fixed (byte* at = utf8) return Encode((IntPtr)at, utf8.Length, addSpecial);
    }

#if LIBPEFT_SPANS
    public unsafe int[] Encode(ReadOnlySpan<byte> utf8, bool addSpecial = false) {
      fixed (byte* at = utf8) return Encode((IntPtr)at, utf8.Length, addSpecial);
    }

    public unsafe string Decode(ReadOnlySpan<int> ids, bool skipSpecial = false) {
      fixed (int* at = ids) return Decode((IntPtr)at, ids.Length, skipSpecial);
    }
#endif

    int[] Encode(IntPtr at, long size, bool addSpecial) {
      PeftBuffer buffer = Scratch.Take();
      PeftNative.peft_tokenizer_encode(Handle, at, size, addSpecial ? 1 : 0, buffer);
      return Scratch.Ids(buffer);
    }

    /// <summary>Ids to text; bytes that form no code point become U+FFFD.</summary>
    public unsafe string Decode(int[] ids, bool skipSpecial = false) {
      fixed (int* at = ids) return Decode((IntPtr)at, ids.Length, skipSpecial);
    }

    string Decode(IntPtr at, long count, bool skipSpecial) {
      PeftBuffer buffer = Scratch.Take();
      PeftNative.peft_tokenizer_decode(Handle, at, count, skipSpecial ? 1 : 0, buffer);
      return Scratch.Text(buffer);
    }

    /// <summary>Spelling of a token in the vocabulary, such as "Ġthe".</summary>
    public string TokenText(int id) {
      PeftBuffer buffer = Scratch.Take();
      PeftNative.peft_tokenizer_token_text(Handle, id, buffer);
      return Scratch.Text(buffer);
    }

    /// <summary>Id of a token by its spelling; Status.NotFound.</summary>
    public unsafe int TokenId(string spelling) {
      byte[] text = Utf8.Bytes(spelling, "spelling");
      fixed (byte* at = text) {
        int id;
        PeftNative.peft_tokenizer_token_id(Handle, (IntPtr)at, text.Length, out id);
        return id;
      }
    }

    /// <summary>Renders a JSON array of {"role", "content"} objects with the chat template.</summary>
    public unsafe string ApplyChat(string messagesJson, ChatOptions options = null) {
      byte[] json = Utf8.Bytes(messagesJson, "messagesJson");
      using (var made = ChatOptions.Make(options))
        fixed (byte* at = json) {
          PeftBuffer buffer = Scratch.Take();
          PeftNative.peft_chat_apply(Handle, (IntPtr)at, json.Length, made, buffer);
          return Scratch.Text(buffer);
        }
    }

    /// <summary>Saves tokenizer and chat template into a folder, as Transformers reads them.</summary>
    public void Save(string folder) { PeftNative.peft_tokenizer_save(Handle, folder); }

    /// <summary>For ids that come one by one.</summary>
    public StreamDecoder CreateDecoder(bool skipSpecial = false) {
      Handles.peft_stream_decoder handle;
      PeftNative.peft_stream_decoder_create(Handle, skipSpecial ? 1 : 0, out handle);
      return new StreamDecoder(handle);
    }
  }
}
