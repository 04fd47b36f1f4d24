using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Libpeft.Tests")]
