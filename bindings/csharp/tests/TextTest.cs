using System;
using System.Diagnostics;
using System.Linq;
using System.Text;
using NUnit.Framework;

namespace Libpeft.Tests {
  [TestFixture]
  public class TextTest {
    Context context;
    Tokenizer tokenizer;

    [TestFixtureSetUp]
    public void Load() {
      context = new Context();
      tokenizer = context.LoadTokenizer(Tiny.TokenizerPath);
    }

    [TestFixtureTearDown]
    public void Free() {
      tokenizer.Dispose();
      context.Dispose();
    }

    [Test]
    public void HardTextGoesThereAndBack(
        [Values("", "\ud83d\udc69\ud83c\udffd\u200d\ud83d\udcbb", "안녕하세요", "a\0b\0\0c", "\ufeffx\u00a0y", "\uffff")]
        string text) {
      int[] ids = tokenizer.Encode(text);
      CollectionAssert.AreEqual(Encoding.UTF8.GetBytes(text).Select(b => (int)b), ids);
      Assert.AreEqual(text, tokenizer.Decode(ids));
    }

    // Not by [Values]: attributes hold UTF-8, which has no lone surrogates.
    [Test]
    public void LoneSurrogatesAreRefused() {
      foreach (string text in new[] { "\ud83d", "a\ude00", "\ude00\ud83d", "\ud83d\ud83d\ude00" }) Refused(text);
    }

    void Refused(string text) {
      Tiny.Gives(Status.InvalidArgument, () => tokenizer.Encode(text));
      Tiny.Gives(Status.InvalidArgument, () => tokenizer.TokenId(text));
      Tiny.Gives(Status.InvalidArgument, () => tokenizer.ApplyChat(text));
      Tiny.Gives(Status.InvalidArgument, () => context.LoadModel(text));
      Tiny.Gives(Status.InvalidArgument, () => context.ReadDataset(text, null));
      Tiny.Gives(Status.InvalidArgument, () => tokenizer.ApplyChat("[]", new ChatOptions { ChatTemplate = text }));
      Tiny.Gives(Status.InvalidArgument, () => Library.HasFeature(text));
    }

    [Test]
    public void NamesHoldNoNul() {
      Tiny.Gives(Status.InvalidArgument, () => context.LoadModel("a\0b"));
      Tiny.Gives(Status.InvalidArgument, () => context.LoadTokenizer("a\0b"));
    }

    [Test]
    public void PathsInEveryScript() {
      string folder = Tiny.Folder("путь-모델-\ud83d\ude00");
      tokenizer.Save(folder);
      using (Tokenizer again = context.LoadTokenizer(folder))
        Assert.AreEqual(tokenizer.Info.VocabularySize, again.Info.VocabularySize);
      var error = Assert.Throws<PeftException>(() => context.LoadModel(folder + "/없다-\ud83d\ude00"));
      StringAssert.Contains("없다-\ud83d\ude00", error.Message);
    }

    [Test]
    public void TenMegabytesOfOneLetter() {
      string text = new string('a', 10 << 20);
      Stopwatch watch = Stopwatch.StartNew();
      int[] ids = tokenizer.Encode(text);
      Assert.AreEqual(text.Length, ids.Length);
      Assert.AreEqual(text, tokenizer.Decode(ids));
      Console.WriteLine("10 MB of one letter there and back: {0} ms", watch.ElapsedMilliseconds);
    }

    [Test]
    public void InvalidUtf8IsRefused() {
      foreach (byte[] bytes in new[] { new byte[] { 0x80 }, new byte[] { 0xc0, 0xaf }, new byte[] { 0xed, 0xa0, 0x80 } })
        Tiny.Gives(Status.InvalidArgument, () => tokenizer.Encode(bytes));
    }

    [Test]
    public void NullIsRefused() {
      Assert.Throws<ArgumentNullException>(() => tokenizer.Encode((string)null));
      Tiny.Gives(Status.InvalidArgument, () => context.LoadModel(null));
    }
  }
}
