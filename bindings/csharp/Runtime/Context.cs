using System;
using System.Threading;
using System.Threading.Tasks;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>Limits and memory figures of what is loaded in it. All methods may be called by many threads.</summary>
  public sealed class Context : PeftObject {
    internal readonly Handles.peft_context Handle;

    public Context(ContextOptions options = null) : this(Create(options)) {}

    Context(Handles.peft_context handle) : base(handle) { Handle = handle; }

    static Handles.peft_context Create(ContextOptions options) {
      Loader.Ensure();
      using (var made = ContextOptions.Make(options)) {
        Handles.peft_context handle;
        PeftNative.peft_context_create(made, out handle);
        return handle;
      }
    }

    public ContextInfo Info {
      get {
        using (var info = new peft_context_info()) {
          PeftNative.peft_context_get_info(Handle, info);
          return new ContextInfo(info);
        }
      }
    }

    /// <summary>Gives memory that is cached for later use back to the system.</summary>
    public void Trim() { PeftNative.peft_context_trim(Handle); }

    /// <summary>Loads a Hugging Face folder or a GGUF file, strictly.</summary>
    public Model LoadModel(string path, ModelOptions options = null,
                           CancellationToken cancellation = default(CancellationToken)) {
      Action<double> progress = options == null ? null : options.OnProgress;
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = new ModelOptions.Made(options, cancel.Handle))
      using (var listener = new Callbacks.Listener { Progressed = progress }) {
        if (progress != null) made.Struct.set_progress(Callbacks.Progress, listener.State);
        Handles.peft_model handle;
        try {
          PeftNative.peft_model_load(Handle, path, made.Struct, out handle);
        } catch (PeftException) {
          listener.Rethrow();
          throw;
        }
        return new Model(handle);
      }
    }

    /// <summary>The same on a thread of the pool.</summary>
    public async Task<Model> LoadModelAsync(string path, ModelOptions options = null,
                                            CancellationToken cancellation = default(CancellationToken)) {
      return await Task.Run(() => LoadModel(path, options, cancellation)).ConfigureAwait(false);
    }

    /// <summary>Loads a tokenizer alone: model folder, tokenizer.json or GGUF file.</summary>
    public Tokenizer LoadTokenizer(string path) {
      Handles.peft_tokenizer handle;
      PeftNative.peft_tokenizer_load(Handle, path, out handle);
      return new Tokenizer(handle);
    }

    /// <summary>Checks a model or adapter without building it, and describes it as a JSON object.</summary>
    public string Inspect(string path, CancellationToken cancellation = default(CancellationToken)) {
      using (var cancel = new CancelToken.Scope(cancellation)) {
        PeftBuffer buffer = Scratch.Take();
        PeftNative.peft_inspect(Handle, path, cancel.Handle, buffer);
        return Scratch.Text(buffer);
      }
    }

    /// <summary>Memory of a job on a model that is not loaded.</summary>
    public Estimate Estimate(string path, EstimateOptions options = null) {
      using (var made = new EstimateOptions.Made(options))
      using (var result = new peft_estimate_result()) {
        PeftNative.peft_estimate(Handle, path, made.Struct, result);
        return new Estimate(result);
      }
    }

    /// <summary>Reads a file of rows (.jsonl, .json, .txt). Without a tokenizer: rows of tokens only.</summary>
    public Dataset LoadDataset(string path, Tokenizer tokenizer, DatasetOptions options = null,
                               CancellationToken cancellation = default(CancellationToken)) {
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = DatasetOptions.Make(options, cancel.Handle)) {
        Handles.peft_dataset handle;
        PeftNative.peft_dataset_from_file(Handle, tokenizer == null ? null : tokenizer.Handle, path, made, out handle);
        return new Dataset(handle);
      }
    }

    /// <summary>Reads rows from text in memory, in the form that a file would have.</summary>
    public unsafe Dataset ReadDataset(string rows, Tokenizer tokenizer, DatasetOptions options = null,
                                      CancellationToken cancellation = default(CancellationToken)) {
      byte[] text = Utf8.Bytes(rows, "rows");
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = DatasetOptions.Make(options, cancel.Handle))
        fixed (byte* at = text) {
          Handles.peft_dataset handle;
          PeftNative.peft_dataset_from_text(Handle, tokenizer == null ? null : tokenizer.Handle, (IntPtr)at,
                                            text.Length, made, out handle);
          return new Dataset(handle);
        }
    }

    /// <summary>Copies rows of tokens.</summary>
    public Dataset MakeDataset(Rows rows, DatasetOptions options = null,
                               CancellationToken cancellation = default(CancellationToken)) {
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = DatasetOptions.Make(options, cancel.Handle)) {
        Handles.peft_dataset handle;
        PeftNative.peft_dataset_from_rows(Handle, rows.Alive(), made, out handle);
        return new Dataset(handle);
      }
    }
  }
}
