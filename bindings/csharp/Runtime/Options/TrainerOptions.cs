using Libpeft.Native;

namespace Libpeft {
  /// <summary>How to train. "HF" marks defaults of Transformers' TrainingArguments, "torch" of
  /// torch.optim.AdamW. What is not set keeps its default.</summary>
  public sealed class TrainerOptions {
    /// <summary>Rows of a micro-batch; default 2.</summary>
    public int? BatchSize { get; set; }

    /// <summary>Micro-batches of a step; default 4. A last partial one is stepped too.</summary>
    public int? GradientAccumulationSteps { get; set; }

    /// <summary>Default Schedule.Cosine.</summary>
    public Schedule? Schedule { get; set; }

    /// <summary>Passes over the data; default 3 (HF).</summary>
    public double? Epochs { get; set; }

    /// <summary>&gt; 0: train so many steps whatever epochs says; default 0.</summary>
    public long? MaxSteps { get; set; }

    /// <summary>Default 2e-4 (QLoRA).</summary>
    public double? LearningRate { get; set; }

    /// <summary>Share of the steps; default 0.03 (QLoRA).</summary>
    public double? WarmupRatio { get; set; }

    /// <summary>&gt; 0 goes before WarmupRatio; default 0.</summary>
    public long? WarmupSteps { get; set; }

    /// <summary>Decoupled; default 0 (HF).</summary>
    public double? WeightDecay { get; set; }

    /// <summary>Default 0.9 (torch).</summary>
    public double? Beta1 { get; set; }

    /// <summary>Default 0.999 (torch).</summary>
    public double? Beta2 { get; set; }

    /// <summary>Default 1e-8 (torch).</summary>
    public double? Epsilon { get; set; }

    /// <summary>Gradients are scaled down to this norm; default 1 (HF); 0 = never.</summary>
    public double? MaxGradNorm { get; set; }

    /// <summary>Of order and dropout; &gt;= 0; default 42 (HF).</summary>
    public long? Seed { get; set; }

    /// <summary>True (default): a new order of rows in each epoch.</summary>
    public bool? Shuffle { get; set; }

    /// <summary>True: short rows share a sequence, attention stays apart; default false.</summary>
    public bool? Packing { get; set; }

    /// <summary>Tokens of a packed sequence; default 0 = the data set's longest row.</summary>
    public long? PackingLength { get; set; }

    /// <summary>Default ActivationPolicy.Keep. Checkpoint: less memory, about a third more time.</summary>
    public ActivationPolicy? ActivationCheckpointing { get; set; }

    /// <summary>DType.Float32 (default: exact) or BFloat16: activations are rounded for matrix
    /// products.</summary>
    public DType? ComputeDtype { get; set; }

    /// <summary>Evaluated by plan; default null.</summary>
    public Dataset EvalDataset { get; set; }

    /// <summary>Evaluate every so many steps, before the first and after the last; default 0 = only
    /// after the last, where there is an EvalDataset.</summary>
    public long? EvalSteps { get; set; }

    /// <summary>Checkpoint every so many steps; needs OutputDir; default 0 = never.</summary>
    public long? SaveSteps { get; set; }

    /// <summary>Newest complete checkpoints that are kept, the best one apart; default 2; 0 = all.</summary>
    public int? SaveTotalLimit { get; set; }

    /// <summary>True (default): with an EvalDataset, the adapter ends with the values of the lowest
    /// evaluation loss.</summary>
    public bool? KeepBest { get; set; }

    /// <summary>Stop after so many evaluations without a lower loss; default 0 = never.</summary>
    public int? EarlyStoppingPatience { get; set; }

    /// <summary>Stop with Status.Numeric after so many steps in a row with a non-finite loss or
    /// gradient; default 5.</summary>
    public int? MaxSkippedInRow { get; set; }

    /// <summary>Folder of the checkpoints, checkpoint-&lt;step&gt;; default null.</summary>
    public string OutputDir { get; set; }

    /// <summary>Of AdamW's two moments, 8 bytes a trained number; default Placement.Device. On the
    /// Host an update moves 16 bytes a trained number over the bus and gives the same bits; Auto
    /// needs a data set.</summary>
    public Placement? OptimizerPlacement { get; set; }

    internal static peft_trainer_options Make(TrainerOptions options) {
      if (options == null) return null;
      var made = new peft_trainer_options { Held = options };
      options.Fill(made);
      return made;
    }

    void Fill(peft_trainer_options made) {
      if (BatchSize.HasValue) made.batch_size = BatchSize.Value;
      if (GradientAccumulationSteps.HasValue) made.gradient_accumulation_steps = GradientAccumulationSteps.Value;
      if (Schedule.HasValue) made.schedule = (int)Schedule.Value;
      if (Epochs.HasValue) made.epochs = Epochs.Value;
      if (MaxSteps.HasValue) made.max_steps = MaxSteps.Value;
      if (LearningRate.HasValue) made.learning_rate = LearningRate.Value;
      if (WarmupRatio.HasValue) made.warmup_ratio = WarmupRatio.Value;
      if (WarmupSteps.HasValue) made.warmup_steps = WarmupSteps.Value;
      if (WeightDecay.HasValue) made.weight_decay = WeightDecay.Value;
      if (Beta1.HasValue) made.beta1 = Beta1.Value;
      if (Beta2.HasValue) made.beta2 = Beta2.Value;
      if (Epsilon.HasValue) made.epsilon = Epsilon.Value;
      if (MaxGradNorm.HasValue) made.max_grad_norm = MaxGradNorm.Value;
      if (Seed.HasValue) made.seed = Seed.Value;
      if (Shuffle.HasValue) made.shuffle = Shuffle.Value ? 1 : 0;
      if (Packing.HasValue) made.packing = Packing.Value ? 1 : 0;
      if (PackingLength.HasValue) made.packing_length = PackingLength.Value;
      if (ActivationCheckpointing.HasValue) made.activation_checkpointing = (int)ActivationCheckpointing.Value;
      if (ComputeDtype.HasValue) made.compute_dtype = (int)ComputeDtype.Value;
      if (EvalDataset != null) made.eval_dataset = EvalDataset.Handle;
      if (EvalSteps.HasValue) made.eval_steps = EvalSteps.Value;
      if (SaveSteps.HasValue) made.save_steps = SaveSteps.Value;
      if (SaveTotalLimit.HasValue) made.save_total_limit = SaveTotalLimit.Value;
      if (KeepBest.HasValue) made.keep_best = KeepBest.Value ? 1 : 0;
      if (EarlyStoppingPatience.HasValue) made.early_stopping_patience = EarlyStoppingPatience.Value;
      if (MaxSkippedInRow.HasValue) made.max_skipped_in_row = MaxSkippedInRow.Value;
      if (OutputDir != null) made.output_dir = OutputDir;
      if (OptimizerPlacement.HasValue) made.optimizer_placement = (int)OptimizerPlacement.Value;
    }
  }
}
