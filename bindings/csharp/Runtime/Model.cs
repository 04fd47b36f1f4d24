using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>A loaded transformer with its adapters. Reading, attaching, training and generating may happen in many
  /// threads at once; quantizing and merging need the model for themselves (Status.Busy).</summary>
  public sealed partial class Model : PeftObject {
    internal readonly Handles.peft_model Handle;

    internal Model(Handles.peft_model handle) : base(handle) { Handle = handle; }

    /// <summary>A second object for the same model, disposed for itself.</summary>
    public Model Share() {
      PeftNative.peft_model_retain(Handle);
      var second = new Handles.peft_model();
      second.Take(Handle.DangerousGetHandle());
      return new Model(second);
    }

    public ModelInfo Info {
      get {
        using (var info = new peft_model_info()) {
          PeftNative.peft_model_get_info(Handle, info);
          return new ModelInfo(info);
        }
      }
    }

    /// <summary>The model as a JSON object: config, bytes per tensor type, tokenizer, adapters, metadata.</summary>
    public string Describe() {
      PeftBuffer buffer = Scratch.Take();
      PeftNative.peft_model_describe(Handle, buffer);
      return Scratch.Text(buffer);
    }

    /// <summary>The tensors, in the order of the model.</summary>
    public IEnumerable<ParameterInfo> Parameters {
      get {
        long count = Info.ParameterCount;
        for (long i = 0; i < count; i++) yield return ParameterAt(i);
      }
    }

    ParameterInfo ParameterAt(long index) {
      using (var info = new peft_parameter_info()) {
        PeftBuffer buffer = Scratch.Take();
        PeftNative.peft_model_parameter_at(Handle, index, info, buffer);
        return new ParameterInfo(info, Scratch.Text(buffer));
      }
    }

    /// <summary>Copies one tensor as float32, row by row; quantized ones are dequantized.</summary>
    public float[] ReadParameter(string name) {
      return Numbers.Read((IntPtr data, long cap, out long len) =>
                              PeftNative.peft_model_parameter_read(Handle, name, data, cap, out len));
    }

    /// <summary>The modules that adapters can target.</summary>
    public IEnumerable<ModuleInfo> Modules {
      get {
        long count = Info.ModuleCount;
        for (long i = 0; i < count; i++) yield return ModuleAt(i);
      }
    }

    ModuleInfo ModuleAt(long index) {
      using (var info = new peft_module_info()) {
        PeftBuffer buffer = Scratch.Take();
        PeftNative.peft_model_module_at(Handle, index, info, buffer);
        return new ModuleInfo(info, Scratch.Text(buffer));
      }
    }

    /// <summary>Saves the base weights as they are now: a folder for Transformers, or a GGUF file.</summary>
    public void Save(string path, SaveOptions options = null,
                     CancellationToken cancellation = default(CancellationToken)) {
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = SaveOptions.Make(options, cancel.Handle)) PeftNative.peft_model_save(Handle, path, made);
    }

    /// <summary>The model's tokenizer; Status.NotFound if it came without one.</summary>
    public Tokenizer Tokenizer() {
      Handles.peft_tokenizer handle;
      PeftNative.peft_tokenizer_from_model(Handle, out handle);
      return new Tokenizer(handle);
    }

    /// <summary>Quantizes the linear layers to NF4, in place.</summary>
    public void QuantizeNf4(QuantizeOptions options = null,
                            CancellationToken cancellation = default(CancellationToken)) {
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = QuantizeOptions.Make(options, cancel.Handle)) PeftNative.peft_quantize_nf4(Handle, made);
    }

    /// <summary>Memory of a job on this model.</summary>
    public Estimate Estimate(EstimateOptions options = null) {
      using (var made = new EstimateOptions.Made(options))
      using (var result = new peft_estimate_result()) {
        PeftNative.peft_estimate_model(Handle, made.Struct, result);
        return new Estimate(result);
      }
    }
  }
}
