#!/usr/bin/env bash
# A tour on built-in data: installs what is missing, builds, makes data with a planted structure, trains MMGRec and
# baselines on it, compares them, and recommends for one user, explained.
# GENREC_DEMO names the folder for data and runs (default: build/demo).
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/dependencies.sh
scripts/build.sh release genrec
genrec=build/release/genrec
demo=${GENREC_DEMO:-build/demo}
rm -rf "$demo"
mkdir -p "$demo"

run() {
  echo
  echo "\$ genrec $*"
  "$genrec" "$@"
}

run synth --preset tiny --out "$demo/data"
run check "$demo/data"
for model in popularity itemknn lightgcn; do
  run train --model "$model" --data "$demo/data" --out "$demo/$model"
done
run train --model mmgrec --preset tiny --data "$demo/data" --out "$demo/mmgrec"
for model in popularity itemknn lightgcn mmgrec; do
  run evaluate "$demo/$model" --k 10,20
done
run ids report "$demo/mmgrec" --html "$demo/identifiers.html"
run compare "$demo/mmgrec" "$demo/popularity" "$demo/itemknn" "$demo/lightgcn" --metrics Recall@10,NDCG@10
user=$(sed -n '2{s/\t.*//;p}' "$demo/data/users.tsv")
run recommend "$demo/mmgrec" --user "$user" --k 5 --explain
