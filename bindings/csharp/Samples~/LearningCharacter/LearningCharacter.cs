using System.Collections.Concurrent;
using System.Threading;
using System.Threading.Tasks;
using Libpeft;
using UnityEngine;

/// <summary>Learns while the game goes on: all work of the library is on one worker thread, and the frame only takes
/// what is ready.</summary>
public sealed class LearningCharacter : MonoBehaviour {
  public string ModelPath; // a folder or GGUF file, such as one below Application.streamingAssetsPath
  readonly ConcurrentQueue<string> said = new ConcurrentQueue<string>();
  readonly CancellationTokenSource quit = new CancellationTokenSource();
  readonly BlockingCollection<string> lessons = new BlockingCollection<string>();
  Task worker;

  void Start() {
    string path = ModelPath;
    worker = Task.Factory.StartNew(() => Work(path), TaskCreationOptions.LongRunning);
  }

  /// <summary>A row such as {"prompt": "zorble", "completion": " open_gate"}.</summary>
  public void Teach(string row) { lessons.Add(row); }

  void Update() {
    string text;
    while (said.TryDequeue(out text)) Debug.Log(text);
  }

  void Work(string path) {
    using (var context = new Context(new ContextOptions { Threads = 1 }))
    using (Model model = context.LoadModel(path, null, quit.Token))
    using (Tokenizer tokenizer = model.Tokenizer())
    using (Adapter adapter = model.AttachLora("character", new LoraConfig { R = 8 }))
      foreach (string row in lessons.GetConsumingEnumerable(quit.Token))
        using (Dataset rows = context.ReadDataset(row, tokenizer))
        using (Trainer trainer = model.CreateTrainer(adapter, rows, new TrainerOptions { MaxSteps = 12 })) {
          trainer.Run(null, quit.Token);
          said.Enqueue("learned, loss " + trainer.Info.LastLoss);
        }
  }

  void OnDestroy() {
    quit.Cancel();
    worker.ContinueWith(task => quit.Dispose());
  }
}
