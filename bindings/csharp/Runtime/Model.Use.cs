using System;
using System.Threading;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>Trainers, sessions, scores.</summary>
  public sealed partial class Model {
    /// <summary>A trainer of one adapter. Without a data set every step is given its rows.</summary>
    public Trainer CreateTrainer(Adapter adapter, Dataset dataset, TrainerOptions options = null) {
      using (var made = TrainerOptions.Make(options)) {
        Handles.peft_trainer handle;
        PeftNative.peft_trainer_create(Handle, adapter == null ? null : adapter.Handle,
                                       dataset == null ? null : dataset.Handle, made, out handle);
        return new Trainer(handle);
      }
    }

    /// <summary>A session: a sequence of tokens that grows.</summary>
    public Session CreateSession(SessionOptions options = null) {
      bool hasText = Info.HasTokenizer;
      using (var made = SessionOptions.Make(options)) {
        Handles.peft_session handle;
        PeftNative.peft_session_create(Handle, made, out handle);
        return new Session(handle, hasText);
      }
    }

    /// <summary>A session with these adapters active.</summary>
    public Session CreateSession(params Adapter[] adapters) {
      return CreateSession(new SessionOptions { Adapters = adapters });
    }

    /// <summary>Loss and perplexity on a data set.</summary>
    public Evaluation Evaluate(Dataset dataset, EvaluateOptions options = null,
                               CancellationToken cancellation = default(CancellationToken)) {
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = EvaluateOptions.Make(options, cancel.Handle))
      using (var result = new peft_evaluate_result()) {
        PeftNative.peft_evaluate(Handle, dataset == null ? null : dataset.Handle, made, result);
        return new Evaluation(result);
      }
    }

    /// <summary>Negative log-likelihood of a row of tokens.</summary>
    public unsafe ScoreResult Score(int[] ids, ScoreOptions options = null,
                                    CancellationToken cancellation = default(CancellationToken)) {
      return Score(ids, options, null, cancellation);
    }

    /// <summary>The same, with the logarithm of the probability of each token after the first.</summary>
    public ScoreResult ScoreTokens(int[] ids, out float[] logprobs, ScoreOptions options = null,
                                   CancellationToken cancellation = default(CancellationToken)) {
      logprobs = new float[Math.Max(ids.Length - 1, 0)];
      return Score(ids, options, logprobs, cancellation);
    }

    unsafe ScoreResult Score(int[] ids, ScoreOptions options, float[] logprobs, CancellationToken cancellation) {
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = ScoreOptions.Make(options, cancel.Handle))
      using (var result = new peft_score_result())
        fixed (int* at = ids)
        fixed (float* to = logprobs) {
          long size;
          PeftNative.peft_score(Handle, (IntPtr)at, ids.Length, made, result, (IntPtr)to,
                                logprobs == null ? 0 : logprobs.Length, out size);
          return new ScoreResult(result);
        }
    }

    /// <summary>Logits after given tokens, rows of the vocabulary's size.</summary>
    public unsafe float[] Logits(int[] ids, ScoreOptions options = null,
                                 CancellationToken cancellation = default(CancellationToken)) {
      using (var cancel = new CancelToken.Scope(cancellation, options == null ? null : options.Cancel))
      using (var made = ScoreOptions.Make(options, cancel.Handle))
        fixed (int* at = ids) {
          IntPtr data = (IntPtr)at;
          return Numbers.Read((IntPtr values, long cap, out long len) =>
                                  PeftNative.peft_logits(Handle, data, ids.Length, made, values, cap, out len));
        }
    }
  }
}
