using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using Libpeft;

/// <summary>A character that answers a word with an action and learns new words. All that the library does happens on
/// one worker thread; the game only hands words in and takes sentences out.</summary>
sealed class Character : IDisposable {
  const int StepsPerLesson = 24;
  internal readonly ConcurrentQueue<string> Said = new ConcurrentQueue<string>();

  readonly BlockingCollection<Action> tasks = new BlockingCollection<Action>();
  readonly CancellationTokenSource leaving = new CancellationTokenSource();
  readonly Dictionary<string, string> lessons = new Dictionary<string, string>();
  readonly Thread worker;
  Context context;
  Model model;
  Tokenizer tokenizer;
  Adapter adapter;
  int pending;
  volatile bool training;

  internal Character(string path) {
    worker = new Thread(Work) { IsBackground = true, Priority = ThreadPriority.BelowNormal };
    worker.Start();
    Do(() => Load(path));
  }

  internal bool IsBusy { get { return Volatile.Read(ref pending) > 0; } }
  internal bool IsTraining { get { return training; } }

  /// <summary>False if the player's line is none that a character understands.</summary>
  internal bool Hear(string line) {
    string[] sides = line.Substring(Math.Min(line.Length, line.IndexOf(' ') + 1)).Split('=');
    if (line.StartsWith("say ") && sides.Length == 1) Do(() => Answer(sides[0].Trim()));
    else if (line.StartsWith("teach ") && sides.Length == 2) Do(() => Learn(sides[0].Trim(), sides[1].Trim()));
    else return false;
    return true;
  }

  void Do(Action task) {
    Interlocked.Increment(ref pending);
    tasks.Add(task);
  }

  void Work() {
    foreach (Action task in tasks.GetConsumingEnumerable()) {
      try {
        if (!leaving.IsCancellationRequested) task();
      } catch (OperationCanceledException) {
        Said.Enqueue("character: leaves in the middle of a lesson");
      } catch (PeftException error) {
        Said.Enqueue("character: is confused (" + error.Code + ": " + error.Message + ")");
      }
      training = false;
      Interlocked.Decrement(ref pending);
    }
  }

  void Load(string path) {
    context = new Context(new ContextOptions { Threads = 1 }); // the other core is the game's
    model = context.LoadModel(path, null, leaving.Token);
    tokenizer = model.Tokenizer();
    adapter = model.AttachLora("character", new LoraConfig { R = 8, TargetModules = "q_proj,v_proj" });
    Said.Enqueue("character: is awake");
  }

  static string Prompt(string word) { return "The player says: " + word + "\nThe character does:"; }

  void Answer(string word) {
    var action = new StringBuilder();
    using (Session session = model.CreateSession(adapter)) {
      session.SetSampling(new SamplingOptions { MaxNewTokens = 8, StopJson = "[\"\\n\"]" }, leaving.Token);
      session.PrefillText(Prompt(word), null, leaving.Token);
      foreach (Piece piece in session) action.Append(piece.Text);
    }
    Said.Enqueue("character: on \"" + word + "\" does " + action.ToString().Trim());
  }

  /// <summary>All lessons again, so that old words are not forgotten for a new one.</summary>
  void Learn(string word, string action) {
    lessons[word] = action;
    training = true;
    double loss = 0;
    using (Rows rows = LessonRows())
    using (Dataset dataset = context.MakeDataset(rows))
    using (Trainer trainer = model.CreateTrainer(adapter, dataset, new TrainerOptions {
      MaxSteps = StepsPerLesson, BatchSize = 1, GradientAccumulationSteps = 1, LearningRate = 2e-3
    })) {
      for (TrainingEvent made = trainer.Step(null, leaving.Token); made != null; made = trainer.Step(null, leaving.Token))
        loss = made.Loss;
    }
    Said.Enqueue("character: has learned \"" + word + "\" (loss " + loss.ToString("F3") + ")");
  }

  Rows LessonRows() {
    var rows = new Rows();
    foreach (KeyValuePair<string, string> lesson in lessons) {
      int[] prompt = tokenizer.Encode(Prompt(lesson.Key));
      int[] answer = tokenizer.Encode(" " + lesson.Value + "\n");
      var ids = new int[prompt.Length + answer.Length];
      prompt.CopyTo(ids, 0);
      answer.CopyTo(ids, prompt.Length);
      var labels = (int[])ids.Clone();
      for (int i = 0; i < prompt.Length; i++) labels[i] = Rows.Ignored;
      rows.Add(ids, labels);
    }
    return rows;
  }

  public void Dispose() {
    leaving.Cancel();
    tasks.CompleteAdding();
    worker.Join();
    foreach (PeftObject held in new PeftObject[] { adapter, tokenizer, model, context })
      if (held != null) held.Dispose();
    string said;
    while (Said.TryDequeue(out said)) Console.WriteLine(said);
  }
}
