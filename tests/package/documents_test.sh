#!/usr/bin/env bash
# Files and folders that README.md and docs/*.md name are there. Checked are `quoted` words with a slash that begin
# with a folder of the project, and links. A file x.cpp or x_test.cpp stands for one that the reader will write.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
status=0

# A name may hold {a,b} and *; build/ is made, not stored.
exists() {
  local found
  found=$(compgen -G "$1" || true)
  [[ -n $found ]]
}

for document in README.md docs/*.md; do
  while read -r name; do
    for path in $(eval "echo $name" 2> /dev/null || echo "$name"); do
      exists "${path%%:*}" || { echo "$document: '$name' does not exist"; status=1; }
    done
  done < <(grep -oE '`[^`]+`' "$document" | tr -d '`' | tr ' ' '\n' |
    grep -E '^(lib|bindings|examples|tests|docs|include)/[A-Za-z0-9_./{},*-]+$' | grep -vE '/x[._]' | sort -u)
  while read -r link; do
    [[ -e $(dirname "$document")/$link ]] || { echo "$document: link to '$link', which does not exist"; status=1; }
  done < <(grep -oE '\]\([^)#:]+' "$document" | sed 's/^](//' | sort -u)
done
exit "$status"
