#!/usr/bin/env bash
# Regenerates docs/results/tiktok.md: MMGRec with three seeds, its ablations and all baselines on the TikTok data.
#   scripts/results_tiktok.sh DATA [RUNS]
# DATA holds interactions.tsv, visual.npy and acoustic.npy; RUNS (default: runs/tiktok) keeps the runs: finished ones are not
# trained again. GENREC names the program, GENREC_JOBS how many runs train at once, one thread each (default: 2).
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:?usage: scripts/results_tiktok.sh DATA [RUNS]}
runs=${2:-runs/tiktok}
genrec=${GENREC:-build/release/genrec}
jobs=${GENREC_JOBS:-2}
config=docs/results/tiktok.toml
mkdir -p "$runs"

[ -e "$runs/data/dataset.json" ] || "$genrec" import --quiet --interactions "$data/interactions.tsv" \
  --features "visual=$data/visual.npy,acoustic=$data/acoustic.npy" --feature-ids rows --out "$runs/data" >/dev/null

# NAME, then the options that differ from the configuration file.
cat >"$runs/list" <<'LIST'
mmgrec/seed-1 --model mmgrec --seed 1
popularity --model popularity
itemknn --model itemknn
lightgcn --model lightgcn --batch 10000 --patience 30
mf --model mf --patience 30
vbpr --model vbpr --patience 30
ngcf --model ngcf --batch 10000 --patience 20
graphsage --model graphsage --batch 10000 --patience 20
mmgcn --model mmgcn --batch 10000 --patience 20
mmgrec/seed-2 --model mmgrec --seed 2
mmgrec/seed-3 --model mmgrec --seed 3
graph_user_vectors --model mmgrec --user-vectors graph
full_softmax --model mmgrec --softmax full --score full
id_wo --model mmgrec --variant id_wo
emb_wo --model mmgrec --variant emb_wo
hkmeans --model mmgrec --variant hkmeans
random_last --model mmgrec --variant random_last
default_pe --model mmgrec --variant default_pe
wo_pe --model mmgrec --variant wo_pe
layers_1 --model mmgrec --layers 1
heads_1 --model mmgrec --heads 1
heads_2 --model mmgrec --heads 2
layers_3 --model mmgrec --layers 3
heads_8 --model mmgrec --heads 8
layers_4 --model mmgrec --layers 4
LIST

train_one() {
  set -euo pipefail
  name=$1
  shift
  out=$runs/$name
  if [ -e "$out/evaluation.done" ]; then return; fi
  options=(--data "$runs/data" --out "$out" --threads 1 --quiet)
  if [ "$2" = mmgrec ]; then options+=(--config "$config"); fi
  # Variants that differ after the graph only take the graph of the first seed, which would come out the same.
  first=$runs/mmgrec/seed-1/graph.safetensors
  if [ "$2" = mmgrec ] && [[ $name != mmgrec/* ]] && [ ! -e "$out" ] && [ -e "$runs/mmgrec/seed-1/evaluation.done" ]; then
    mkdir -p "$out"
    cp "$first" "$out/"
  fi
  if [ -e "$out/config.toml" ]; then "$genrec" train --resume --out "$out" --threads 1 --quiet
  else "$genrec" train "$@" "${options[@]}"; fi >/dev/null
  "$genrec" evaluate "$out" --k 10,20 --split valid --threads 1 --quiet >/dev/null
  "$genrec" evaluate "$out" --k 10,20 --split test --threads 1 --quiet >/dev/null
  touch "$out/evaluation.done"
  echo "$name: done" >&2
}
export -f train_one
export runs genrec config
xargs -P "$jobs" -I{} bash -c 'train_one {}' <"$runs/list"

# The tables between the markers of docs/results/tiktok.md are written anew; the text around them stays.
tables=$(mktemp)
finished() {  # the names of a list that have been evaluated
  for name in "$@"; do [ -e "$runs/$name/evaluation.done" ] || [ -e "$runs/$name/seed-1/evaluation.done" ] && echo "$runs/$name"; done
}
table() {  # table REFERENCE NAME...
  mapfile -t folders < <(finished "${@:2}")
  "$genrec" compare "${folders[@]}" --reference "$1" --metrics Recall@10,Recall@20,NDCG@10,NDCG@20 --format markdown --quiet
}
{
  echo "### MMGRec and the baselines"
  echo
  table mmgrec mmgrec popularity itemknn mf vbpr lightgcn ngcf graphsage mmgcn
  echo
  echo "### Ablations and choices of MMGRec (one seed each)"
  echo
  table mmgrec mmgrec id_wo emb_wo hkmeans random_last default_pe wo_pe graph_user_vectors full_softmax \
    layers_1 layers_3 layers_4 heads_1 heads_2 heads_8
} >"$tables"
awk -v tables="$tables" '
  /<!-- tables: begin/ { print; while ((getline line < tables) > 0) print line; skip = 1 }
  /<!-- tables: end/ { skip = 0 }
  !skip || /<!-- tables: begin/ { if (!/<!-- tables: begin/) print }' docs/results/tiktok.md >"$tables.md"
mv "$tables.md" docs/results/tiktok.md
rm -f "$tables"
