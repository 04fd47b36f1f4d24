using Libpeft.Native;

namespace Libpeft {
  /// <summary>Outcome of an evaluation.</summary>
  public sealed class Evaluation {
    /// <summary>Nll / LossTokens.</summary>
    public double Loss { get; }

    /// <summary>Exp(loss).</summary>
    public double Perplexity { get; }

    /// <summary>Negative log-likelihood, natural logarithm, summed over the loss-bearing tokens.</summary>
    public double Nll { get; }

    /// <summary>Share of loss-bearing tokens that are the most probable one.</summary>
    public double TokenAccuracy { get; }

    public long Rows { get; }

    public long Tokens { get; }

    public long LossTokens { get; }

    public double Seconds { get; }

    public double TokensPerSecond { get; }

    internal Evaluation(peft_evaluate_result from) {
      Loss = from.loss;
      Perplexity = from.perplexity;
      Nll = from.nll;
      TokenAccuracy = from.token_accuracy;
      Rows = from.rows;
      Tokens = from.tokens;
      LossTokens = from.loss_tokens;
      Seconds = from.seconds;
      TokensPerSecond = from.tokens_per_second;
    }
  }
}
