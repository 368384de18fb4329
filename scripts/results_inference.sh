#!/bin/sh
# Measures MMGRec's beam search against an exhaustive scan and writes docs/results/inference.md and inference.svg.
# Usage: scripts/results_inference.sh [PROGRAM [ITEMS_MAX]]. Ten million items take about 8 GB of memory and some minutes.
set -eu
cd "$(dirname "$0")/.."
program=${1:-build/release/genrec}
items_max=${2:-10000000}
out=docs/results
options="bench inference --items-max $items_max --users 200 --batch 256 --rounds 5 --threads 1"
mkdir -p "$out"
load=$(cut -d' ' -f1-3 /proc/loadavg)
table=$("$program" $options --quiet --svg "$out/inference.svg")
flags=$(lscpu | sed -n 's/^Flags: *//p' | tr ' ' '\n' | grep -E '^(avx2|fma|avx512f|avx512_vnni|avx512_bf16|amx_tile)$')
cat > "$out/inference.md" <<END
# Inference time as the items grow

The question of the paper's Figure 5: how long one user's list of ten takes, for MMGRec (read the history, then a beam of ten
over the trie of Rec-IDs, four levels) and for an inner-product model such as MF (score every item, keep the best ten). The
paper measures both on parts of Kwai, 5,405 to 86,483 items, and sees MMGRec nearly flat and the scan growing until it is
slower, with a crossing above a quarter of the items.

    genrec $options --svg inference.svg

\`\`\`
$table
\`\`\`

![time per user over the number of items, both axes logarithmic](inference.svg)

* Weights, vectors (64 wide), histories (20 items) and semantic codes are random: only time is measured. The Transformer has
  its default size (2 + 2 layers, 4 heads of width 64). Nothing is excluded from the lists.
* \`codes\` is levels x codes + largest group: 128 codes in each of three levels, doubled until there are as many tuples as
  items, and the popularity code for items that share a tuple. More codes mean a larger vocabulary to score.
* The scan scores tiles of items and selects from them while they are in the cache; a batch reads the item vectors once. For
  one user it goes through the general matrix product, which repacks the item vectors and so takes several times the
  arithmetic's share: a kernel of its own for one row would move the first crossing to the right. Where the curves cross
  depends on the implementation of the scan as much as on the model.
* The methods take turns in five rounds, after a warm-up. Single: 200 users. Batched: five batches of 256, time divided by 256.
* Machine: $(lscpu | sed -n 's/^Model name: *//p'), $(nproc) processors, $(echo $flags); load average
  at the start: $load.
  Other work ran on it at the same time, which shows in the means and the 95th percentiles and costs the scan of long tables
  some memory bandwidth; go by the medians. One thread, because two that wait for each other on busy processors measure the
  neighbours.
* $(date -u +%Y-%m-%d), $("$program" --version | head -1). Written by scripts/results_inference.sh.
END
