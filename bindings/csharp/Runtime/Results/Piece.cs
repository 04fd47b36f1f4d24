using Libpeft.Native;

namespace Libpeft {
  /// <summary>One piece of a generation.</summary>
  public sealed class Piece {
    /// <summary>Text that is complete with this token: whole code points, perhaps none.</summary>
    public string Text { get; }

    /// <summary>The token made, the end of the sequence included; -1: rest of the text only.</summary>
    public int TokenId { get; }

    /// <summary>Of the token in the session.</summary>
    public long Position { get; }

    /// <summary>Natural logarithm of its probability before sampling filters.</summary>
    public double Logprob { get; }

    /// <summary>NONE until the end.</summary>
    public FinishReason FinishReason { get; }

    internal Piece(peft_piece from, string text) {
      Text = text;
      TokenId = from.token_id;
      Position = from.position;
      Logprob = from.logprob;
      FinishReason = (FinishReason)from.finish_reason;
    }
  }
}
