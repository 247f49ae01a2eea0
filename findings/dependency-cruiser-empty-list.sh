#!/usr/bin/env bash
# dependency-cruiser 17.4.3 takes an empty list of paths for no condition at all: a rule whose `path` is computed, and comes out
# empty, does not apply to nothing but to everything. `from: { path: [] }` forbids what no file was named for. In an
# `allowed` rule the same list fits every import.
# Seen, on three files of which two import the third: a list with one pattern that fits nothing reports 0 violations, the
# empty list 1 as `to` of a rule about one file, and 2 as `from`.
# Needs Node; fetches about 5 MB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-fund --no-audit --save-exact dependency-cruiser@17.4.3
mkdir src
echo 'module.exports = 1;' >src/shared.js
echo "require('./shared');" | tee src/first.js >src/second.js
violations() {
  echo "module.exports = { forbidden: [{ name: 'rule', severity: 'error', from: $1, to: $2 }] };" >rules.cjs
  (npx depcruise --config rules.cjs --output-type err src || true) | grep -c 'error rule' || true
}
seen="$(violations "{ path: '^src/first' }" "{ path: ['^src/none'] }")"
seen="$seen $(violations "{ path: '^src/first' }" '{ path: [] }')"
seen="$seen $(violations "{ path: ['^src/none'] }" "{ path: '^src/shared' }")"
seen="$seen $(violations '{ path: [] }' "{ path: '^src/shared' }")"
echo "violations by: a list that fits nothing, an empty list (to), a list that fits nothing, an empty list (from): $seen"
[ "$seen" = '0 1 0 2' ]
