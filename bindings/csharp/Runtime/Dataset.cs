using Libpeft.Native;

namespace Libpeft {
  /// <summary>Encoded rows; made by a <see cref="Context"/>, never changes.</summary>
  public sealed class Dataset : PeftObject {
    internal readonly Handles.peft_dataset Handle;

    internal Dataset(Handles.peft_dataset handle) : base(handle) { Handle = handle; }

    public DatasetInfo Info {
      get {
        using (var info = new peft_dataset_info()) {
          PeftNative.peft_dataset_get_info(Handle, info);
          return new DatasetInfo(info);
        }
      }
    }

    /// <summary>One column of a row.</summary>
    public int[] Row(long row, RowPart part = RowPart.Ids) {
      PeftBuffer buffer = Scratch.Take();
      PeftNative.peft_dataset_row(Handle, row, (int)part, buffer);
      return Scratch.Ids(buffer);
    }
  }
}
