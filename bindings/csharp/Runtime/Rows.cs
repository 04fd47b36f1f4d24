using System;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>Rows of tokens, for a data set or for one training step; what is added is copied.</summary>
  public sealed class Rows : IDisposable {
    /// <summary>Label of a token that bears no loss.</summary>
    public const int Ignored = -100;

    PeftRows rows;

    public Rows() {
      Loader.Ensure();
      rows = new PeftRows();
    }

    internal PeftRows Alive() {
      if (rows == null) throw new ObjectDisposedException("Rows");
      return rows;
    }

    public long Count { get { return Alive().count(); } }

    /// <summary>A row whose labels are its ids or <see cref="Ignored"/>; without labels each token predicts the
    /// next one.</summary>
    public unsafe Rows Add(int[] ids, int[] labels = null) {
      fixed (int* at = ids)
      fixed (int* label = labels)
        Alive().add((IntPtr)at, ids.Length, (IntPtr)label, labels == null ? 0 : labels.Length);
      return this;
    }

    /// <summary>A row with labels of another kind, for models that have a use for it.</summary>
    public unsafe Rows Add(LabelKind kind, int[] ids, int[] labels) {
      fixed (int* at = ids)
      fixed (int* label = labels)
        Alive().add_kind((int)kind, (IntPtr)at, ids.Length, (IntPtr)label, labels == null ? 0 : labels.Length);
      return this;
    }

    /// <summary>Token types of the row that was added last, as many as its ids.</summary>
    public unsafe Rows TypeIds(int[] ids) {
      fixed (int* at = ids) Alive().set_type_ids((IntPtr)at, ids.Length);
      return this;
    }

    /// <summary>Tokens of the decoder, of the row that was added last.</summary>
    public unsafe Rows DecoderIds(int[] ids) {
      fixed (int* at = ids) Alive().set_decoder_ids((IntPtr)at, ids.Length);
      return this;
    }

    /// <summary>The number to predict, of the row that was added last.</summary>
    public Rows Value(float value) {
      Alive().set_value(value);
      return this;
    }

    public void Dispose() {
      if (rows != null) rows.Dispose();
      rows = null;
    }
  }
}
