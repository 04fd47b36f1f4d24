using System;

/// <summary>What a frame has to do: about two milliseconds of things that move and bounce.</summary>
sealed class World {
  readonly double[] place = new double[60000], speed = new double[60000];

  internal World() {
    var random = new Random(1);
    for (int i = 0; i < place.Length; i++) {
      place[i] = random.NextDouble();
      speed[i] = random.NextDouble() - 0.5;
    }
  }

  internal void Move(double seconds) {
    for (int round = 0; round < 8; round++)
      for (int i = 0; i < place.Length; i++) {
        double next = place[i] + speed[i] * seconds / 8;
        if (next < 0 || next > 1) speed[i] = -speed[i];
        else place[i] = next;
      }
  }
}
