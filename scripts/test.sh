#!/usr/bin/env bash
# All tests: installs what is missing, builds, and runs them. test.sh [PRESET...] takes other presets than release, or several:
# asan and tsan leave out the tests tagged [slow]. The last line adds up: N passed, N failed, N skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/dependencies.sh
export GENREC_CMAKE_FLAGS=${GENREC_CMAKE_FLAGS:--DGENREC_CUDA=AUTO}
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}  # on a busy machine threads that spin cost minutes

passed=0 failed=0 skipped=0 code=0
run() {  # run PRESET [FILTER]
  local log result=0
  log=$(mktemp)
  scripts/build.sh "$1" genrec genrec_tests
  echo "== tests of the preset $1"
  "build/$1/tests/genrec_tests" "${@:2}" | tee "$log" || result=$?
  local pattern='^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$'
  if [[ $(tail -n 1 "$log") =~ $pattern ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2])) skipped=$((skipped + BASH_REMATCH[3]))
  else
    echo "the tests of the preset $1 ended early (exit code $result)"
    failed=$((failed + 1)) result=1
  fi
  [[ $result -eq 0 ]] || code=1
  rm -f "$log"
}

for preset in "${@:-release}"; do
  if [[ $preset == asan || $preset == tsan ]]; then run "$preset" '~[slow]'; else run "$preset"; fi
done
echo "$passed passed, $failed failed, $skipped skipped"
exit "$code"
