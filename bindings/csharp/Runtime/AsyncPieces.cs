using System.Threading;
using System.Threading.Tasks;

namespace Libpeft {
  /// <summary>The pieces of a generation, awaited one by one:
  /// <c>while (await pieces.MoveNextAsync()) Show(pieces.Current.Text);</c>
  /// It has the shape that <c>await foreach</c> of newer compilers looks for.</summary>
  public sealed class AsyncPieces {
    readonly Session session;
    readonly CancellationToken cancellation;

    internal AsyncPieces(Session session, CancellationToken cancellation) {
      this.session = session;
      this.cancellation = cancellation;
    }

    /// <summary>The piece that the last MoveNextAsync made.</summary>
    public Piece Current { get; private set; }

    /// <summary>False at the end. Cancelling takes effect between two pieces; SetSampling's within one.</summary>
    public async Task<bool> MoveNextAsync() {
      cancellation.ThrowIfCancellationRequested();
      Current = await Task.Run(() => session.Next()).ConfigureAwait(false);
      return Current != null;
    }

    public AsyncPieces GetAsyncEnumerator(CancellationToken cancellation = default(CancellationToken)) {
      return cancellation.CanBeCanceled ? new AsyncPieces(session, cancellation) : this;
    }

    /// <summary>Nothing to free: the session is its owner's.</summary>
    public Task DisposeAsync() { return Task.FromResult(true); }
  }
}
