#!/usr/bin/env bash
# A tour on built-in data: installs what is missing, builds, makes data with a planted structure, trains MMGRec on clicks
# without order and MACRec on clicks in order, with baselines, compares them, and recommends for one user, explained.
# GENREC_DEMO names the folder for data and runs (default: build/demo).
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/dependencies.sh
# It runs on the processor: the CUDA kernels, which take minutes to compile, are left out.
GENREC_CMAKE_FLAGS=${GENREC_CMAKE_FLAGS:--DGENREC_CUDA=OFF} scripts/build.sh release genrec
genrec=build/release/genrec
demo=${GENREC_DEMO:-build/demo}
rm -rf "$demo"
mkdir -p "$demo"

run() {
  echo
  echo "\$ genrec $*"
  "$genrec" "$@"
}

# compared DATA MODEL...: evaluates the runs of a data set and prints them beside each other.
compared() {
  local data=$1 runs=()
  for model in "${@:2}"; do
    run evaluate "$demo/$model" --k 10,20
    runs+=("$demo/$model")
  done
  run compare "${runs[@]}" --metrics Recall@10,NDCG@10
  user=$(sed -n '2{s/\t.*//;p}' "$data/users.tsv")
  run recommend "${runs[0]}" --user "$user" --k 5 --explain
}

run synth --preset tiny --users 600 --out "$demo/clicks"
run check "$demo/clicks"
for model in popularity itemknn lightgcn; do
  run train --model "$model" --data "$demo/clicks" --out "$demo/$model"
done
run train --model mmgrec --preset tiny --data "$demo/clicks" --out "$demo/mmgrec"
run ids report "$demo/mmgrec" --html "$demo/identifiers.html"
compared "$demo/clicks" mmgrec popularity itemknn lightgcn

run synth --preset tiny --ordered --users 1000 --out "$demo/sequences"
run train --model nextitem --data "$demo/sequences" --out "$demo/nextitem"
run train --model macrec --preset tiny --rq-epochs 100 --history 5 --epochs 5 --exclude-seen trie --data "$demo/sequences" --out "$demo/macrec"
compared "$demo/sequences" macrec nextitem
