using Libpeft.Native;

namespace Libpeft {
  /// <summary>Outcome of a score.</summary>
  public sealed class ScoreResult {
    /// <summary>Tokens of the row, the first included.</summary>
    public long Count { get; }

    /// <summary>Negative log-likelihood of all tokens after the first, natural logarithm, summed.</summary>
    public double Nll { get; }

    internal ScoreResult(peft_score_result from) {
      Count = from.count;
      Nll = from.nll;
    }
  }
}
