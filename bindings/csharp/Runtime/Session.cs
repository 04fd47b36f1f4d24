using System;
using System.Collections;
using System.Collections.Generic;
using System.Threading;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>A sequence of tokens that grows; for one thread at a time. Enumerating it makes pieces until the
  /// generation ends.</summary>
  public sealed class Session : PeftObject, IEnumerable<Piece> {
    readonly Handles.peft_session handle;
    readonly PeftBuffer buffer; // null: the model has no tokenizer, and pieces no text
    CancelToken.Scope sampling;

    internal Session(Handles.peft_session handle, bool hasText) : base(handle) {
      this.handle = handle;
      buffer = hasText ? new PeftBuffer() : null;
    }

    internal override void Disposed() { sampling.Dispose(); }

    public SessionInfo Info {
      get {
        using (var info = new peft_session_info()) {
          PeftNative.peft_session_get_info(handle, info);
          return new SessionInfo(info);
        }
      }
    }

    /// <summary>Appends tokens and begins a new generation.</summary>
    public unsafe void Prefill(int[] ids, CancellationToken cancellation = default(CancellationToken)) {
      fixed (int* at = ids) Prefill((IntPtr)at, ids.Length, cancellation);
    }

#if LIBPEFT_SPANS
    public unsafe void Prefill(ReadOnlySpan<int> ids, CancellationToken cancellation = default(CancellationToken)) {
      fixed (int* at = ids) Prefill((IntPtr)at, ids.Length, cancellation);
    }

    /// <summary>Logits into memory of the caller's; gives their number.</summary>
    public unsafe long ReadLogits(Span<float> into) {
      if (into.Length == 0) throw new PeftException(Status.Limit, "the buffer is empty");
      long size;
      fixed (float* at = into) PeftNative.peft_session_logits(handle, (IntPtr)at, into.Length, out size);
      return size;
    }
#endif

    void Prefill(IntPtr at, long count, CancellationToken cancellation) {
      using (var cancel = new CancelToken.Scope(cancellation))
      using (var made = PrefillOptions.Make(null, cancel.Handle))
        PeftNative.peft_session_prefill(handle, at, count, made);
    }

    /// <summary>Encodes text, appends it and begins a new generation.</summary>
    public unsafe void PrefillText(string text, PrefillOptions options = null,
                                   CancellationToken cancellation = default(CancellationToken)) {
      byte[] bytes = Utf8.Bytes(text, "text");
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = PrefillOptions.Make(options, cancel.Handle))
        fixed (byte* at = bytes) PeftNative.peft_session_prefill_text(handle, (IntPtr)at, bytes.Length, made);
    }

    /// <summary>Renders a whole conversation, a JSON array of {"role", "content"} objects; what the session holds of
    /// it already is kept.</summary>
    public unsafe void PrefillChat(string messagesJson, PrefillOptions options = null,
                                   CancellationToken cancellation = default(CancellationToken)) {
      byte[] json = Utf8.Bytes(messagesJson, "messagesJson");
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = PrefillOptions.Make(options, cancel.Handle))
        fixed (byte* at = json) PeftNative.peft_session_prefill_chat(handle, (IntPtr)at, json.Length, made);
    }

    /// <summary>How tokens are chosen from now on (null: greedy, 256 new ones); begins a new generation. The
    /// cancellation is for every piece that follows, within a piece too.</summary>
    public void SetSampling(SamplingOptions options = null,
                            CancellationToken cancellation = default(CancellationToken)) {
      var scope = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel, false, true);
      try {
        using (var made = SamplingOptions.Make(options, scope.Handle))
          PeftNative.peft_session_set_sampling(handle, made);
      } catch (Exception) {
        scope.Dispose();
        throw;
      }
      sampling.Dispose();
      sampling = scope;
    }

    /// <summary>Makes one token; null at the end, whose reason <see cref="Info"/> tells.</summary>
    public Piece Next() {
      using (var piece = new peft_piece()) {
        if (PeftNative.peft_session_next(handle, piece, buffer) == (int)Status.End) return null;
        return new Piece(piece, buffer == null ? "" : Utf8.Text(buffer));
      }
    }

    public IEnumerator<Piece> GetEnumerator() {
      for (Piece piece = Next(); piece != null; piece = Next()) yield return piece;
    }

    IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }

    /// <summary>The pieces, each made on a thread of the pool.</summary>
    public AsyncPieces PiecesAsync(CancellationToken cancellation = default(CancellationToken)) {
      return new AsyncPieces(this, cancellation);
    }

    /// <summary>A second session with the same tokens, sampling and adapters.</summary>
    public Session Fork() {
      Handles.peft_session second;
      PeftNative.peft_session_fork(handle, out second);
      return new Session(second, buffer != null);
    }

    /// <summary>Drops the tokens from a position on.</summary>
    public void Rewind(long position) { PeftNative.peft_session_rewind(handle, position); }

    /// <summary>The tokens, prompt and new ones.</summary>
    public int[] Tokens() {
      PeftBuffer ids = Scratch.Take();
      PeftNative.peft_session_tokens(handle, ids);
      return Scratch.Ids(ids);
    }

    /// <summary>Logits for the token that comes next.</summary>
    public float[] Logits() {
      return Numbers.Read((IntPtr data, long cap, out long len) =>
                              PeftNative.peft_session_logits(handle, data, cap, out len));
    }

    /// <summary>The same into memory of the caller's; gives their number.</summary>
    public long ReadLogits(float[] into) {
      return Numbers.ReadInto(into, (IntPtr data, long cap, out long len) =>
                                        PeftNative.peft_session_logits(handle, data, cap, out len));
    }
  }
}
