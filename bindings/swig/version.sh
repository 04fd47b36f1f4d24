# Sourced with the name of a language: ends with 77 unless there is SWIG 4.1 or newer.
swig_version=$(swig -version 2> /dev/null | sed -n 's/^SWIG Version //p' || true)
if [[ $(printf '%s\n' 4.1 "$swig_version" | sort -V | head -n 1) != 4.1 ]]; then
  echo "SKIPPED: $1: SWIG 4.1 or newer is needed, found ${swig_version:-none}" >&2
  exit 77
fi
