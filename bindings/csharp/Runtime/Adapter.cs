using System;
using System.Collections.Generic;
using System.Threading;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>A set of small weights on one model. It stays attached when this object is disposed.</summary>
  public sealed class Adapter : PeftObject {
    internal readonly Handles.peft_adapter Handle;

    internal Adapter(Handles.peft_adapter handle) : base(handle) { Handle = handle; }

    /// <summary>What loading had to remark, or null.</summary>
    public string Remark { get; internal set; }

    /// <summary>A second object for the same adapter, disposed for itself.</summary>
    public Adapter Share() {
      PeftNative.peft_adapter_retain(Handle);
      var second = new Handles.peft_adapter();
      second.Take(Handle.DangerousGetHandle());
      return new Adapter(second);
    }

    public AdapterInfo Info {
      get {
        using (var info = new peft_adapter_info()) {
          PeftNative.peft_adapter_get_info(Handle, info);
          return new AdapterInfo(info);
        }
      }
    }

    public string Name {
      get {
        PeftBuffer buffer = Scratch.Take();
        PeftNative.peft_adapter_get_name(Handle, buffer);
        return Scratch.Text(buffer);
      }
    }

    /// <summary>The settings as the text of PEFT's adapter_config.json.</summary>
    public string ConfigJson {
      get {
        PeftBuffer buffer = Scratch.Take();
        PeftNative.peft_adapter_get_config(Handle, buffer);
        return Scratch.Text(buffer);
      }
    }

    public IEnumerable<ParameterInfo> Parameters {
      get {
        long count = Info.ParameterCount;
        for (long i = 0; i < count; i++) yield return ParameterAt(i);
      }
    }

    ParameterInfo ParameterAt(long index) {
      using (var info = new peft_parameter_info()) {
        PeftBuffer buffer = Scratch.Take();
        PeftNative.peft_adapter_parameter_at(Handle, index, info, buffer);
        return new ParameterInfo(info, Scratch.Text(buffer));
      }
    }

    public float[] ReadParameter(string name) {
      return Numbers.Read((IntPtr data, long cap, out long len) =>
                              PeftNative.peft_adapter_parameter_read(Handle, name, data, cap, out len));
    }

    /// <summary>Saves it as PEFT does, or as GGUF for llama.cpp.</summary>
    public void Save(string path, SaveOptions options = null,
                     CancellationToken cancellation = default(CancellationToken)) {
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = SaveOptions.Make(options, cancel.Handle)) PeftNative.peft_adapter_save(Handle, path, made);
    }

    /// <summary>A factor on its effect, for what begins after the call; 1 = as trained.</summary>
    public double Scale {
      get { return Info.Scale; }
      set { PeftNative.peft_adapter_set_scale(Handle, value); }
    }

    /// <summary>Takes it off its model; its name becomes free.</summary>
    public void Detach() { PeftNative.peft_adapter_detach(Handle); }
  }
}
