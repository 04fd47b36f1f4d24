namespace Libpeft {
  /// <summary>How TargetModules is read, after Hugging Face PEFT.</summary>
  public enum TargetKind {
    /// <summary>Null: the family's defaults; "all-linear": that; else a list.</summary>
    Auto = 0,
    /// <summary>Comma list; each a whole module name or its end after a dot.</summary>
    List = 1,
    /// <summary>One pattern that matches the whole module name, as Python's re.fullmatch.</summary>
    Regex = 2,
    /// <summary>PEFT's defaults of the model family; TargetModules is not read.</summary>
    Defaults = 3,
  }

  /// <summary>Which biases train with LoRA.</summary>
  public enum LoraBias {
    None = 0,
    /// <summary>Every bias of the model.</summary>
    All = 1,
    /// <summary>The biases of the targeted modules.</summary>
    LoraOnly = 2,
  }

  /// <summary>First values of LoRA's factors, after PEFT's InitLoraWeights.</summary>
  public enum LoraInit {
    /// <summary>True: A uniform in +-1/sqrt(InFeatures), B zero.</summary>
    Default = 0,
    /// <summary>"gaussian": A normal with deviation 1/r, B zero.</summary>
    Gaussian = 1,
    /// <summary>False: A and B random, the adapter changes the model from the start.</summary>
    None = 2,
  }
}
