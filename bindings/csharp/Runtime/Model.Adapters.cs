using System;
using System.Collections.Generic;
using System.Threading;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>Attaching, finding and merging adapters.</summary>
  public sealed partial class Model {
    /// <summary>Attaches a new LoRA adapter; without a config r 16, alpha 32, all linear layers.</summary>
    public Adapter AttachLora(string name, LoraConfig config = null) {
      using (var made = LoraConfig.Make(config)) {
        Handles.peft_adapter handle;
        PeftNative.peft_attach_lora(Handle, name, made, out handle);
        return new Adapter(handle);
      }
    }

    /// <summary>Attaches a new adapter of any method by the text of PEFT's adapter_config.json.</summary>
    public unsafe Adapter Attach(string name, string configJson, AdapterOptions options = null,
                                 CancellationToken cancellation = default(CancellationToken)) {
      byte[] json = Utf8.Bytes(configJson, "configJson");
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = AdapterOptions.Make(options, cancel.Handle))
        fixed (byte* at = json) {
          Handles.peft_adapter handle;
          PeftNative.peft_attach(Handle, name, (IntPtr)at, json.Length, made, out handle);
          return new Adapter(handle);
        }
    }

    /// <summary>Loads an adapter folder of PEFT's. <see cref="Adapter.Remark"/> tells of another base model.</summary>
    public Adapter LoadAdapter(string name, string path, AdapterOptions options = null,
                               CancellationToken cancellation = default(CancellationToken)) {
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = AdapterOptions.Make(options, cancel.Handle)) {
        Handles.peft_adapter handle;
        int status = PeftNative.peft_adapter_load(Handle, name, path, made, out handle);
        return new Adapter(handle) { Remark = status == (int)Status.Note ? PeftNative.Remark : null };
      }
    }

    /// <summary>The attached adapters, in the order of attaching; each object is the caller's to dispose.</summary>
    public IList<Adapter> Adapters() {
      var found = new List<Adapter>();
      long count = Info.AdapterCount;
      for (long i = 0; i < count; i++) {
        Handles.peft_adapter handle;
        PeftNative.peft_model_adapter_at(Handle, i, out handle);
        found.Add(new Adapter(handle));
      }
      return found;
    }

    /// <summary>An attached adapter by its name; Status.NotFound.</summary>
    public Adapter FindAdapter(string name) {
      Handles.peft_adapter handle;
      PeftNative.peft_model_adapter_find(Handle, name, out handle);
      return new Adapter(handle);
    }

    /// <summary>Folds an adapter into the base weights and measures what survives the rounding. A refusal
    /// (Status.Refused) changes nothing and leaves its report in <see cref="MergeReport"/>.</summary>
    public MergeResult Merge(Adapter adapter, MergeOptions options = null,
                             CancellationToken cancellation = default(CancellationToken)) {
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = MergeOptions.Make(options, cancel.Handle))
      using (var result = new peft_merge_result()) {
        PeftNative.peft_merge(Handle, adapter == null ? null : adapter.Handle, made, result);
        return new MergeResult(result);
      }
    }

    /// <summary>Tensor by tensor, of the last merge, dry or refused ones too.</summary>
    public IEnumerable<MergeTensor> MergeReport {
      get {
        long count = Info.MergeTensorCount;
        for (long i = 0; i < count; i++) yield return MergeTensorAt(i);
      }
    }

    MergeTensor MergeTensorAt(long index) {
      using (var info = new peft_merge_tensor()) {
        PeftBuffer buffer = Scratch.Take();
        PeftNative.peft_merge_tensor_at(Handle, index, info, buffer);
        return new MergeTensor(info, Scratch.Text(buffer));
      }
    }

    /// <summary>Undoes all merges, bit for bit.</summary>
    public void Unmerge() { PeftNative.peft_unmerge(Handle); }

    /// <summary>Makes all merges final and frees the originals.</summary>
    public void DiscardOriginals() { PeftNative.peft_merge_discard(Handle); }
  }
}
