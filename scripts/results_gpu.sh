#!/usr/bin/env bash
# Holds a GPU against the processor, measures it beside PyTorch, and writes docs/results/gpu.md.
#   scripts/results_gpu.sh [PART...]
# Parts: selftest, sanitizer, bench, peers, epoch; without any, all. What a part printed stays in RUNS (default: runs/gpu), and the
# page is made of what is there: parts may be measured one by one, and again. GENREC names the program (default:
# build/release/genrec, built if it is missing), GENREC_BENCH further options of `bench gpu`, PAGE another file than that page,
# INSTRUMENTS a folder with that data set's files, of which an epoch of MACRec is trained.
set -euo pipefail
cd "$(dirname "$0")/.."
genrec=${GENREC:-build/release/genrec}
runs=${RUNS:-runs/gpu}
page=${PAGE:-docs/results/gpu.md}
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(selftest sanitizer bench peers epoch)
read -ra bench_options <<< "${GENREC_BENCH:-}"
mkdir -p "$runs"
if [ ! -x "$genrec" ]; then
  scripts/dependencies.sh
  scripts/build.sh release genrec
fi
"$genrec" selftest --device cuda --quiet --filter softplus > /dev/null  # without a GPU: exit code 71 and the reason

log() {  # log NAME COMMAND...: what it prints goes to RUNS/NAME.txt too; a failure is noted there, and the rest goes on
  local name=$1 code=0
  shift
  echo "== $*"
  "$@" 2>&1 | tee "$runs/$name.part" || code=$?
  { echo "\$ $*"; cat "$runs/$name.part"; [ "$code" = 0 ] || echo "exit code $code"; } > "$runs/$name.txt"
  rm "$runs/$name.part"
}

for part in "${parts[@]}"; do
  case $part in
    selftest)
      for precision in fp32 bf16; do
        log "selftest-$precision" "$genrec" selftest --device cuda --quiet --precision "$precision"
      done ;;
    sanitizer)
      if command -v compute-sanitizer > /dev/null; then
        for tool in memcheck racecheck synccheck initcheck; do
          log "sanitizer-$tool" compute-sanitizer --tool "$tool" "$genrec" selftest --device cuda --quiet --filter attention
        done
      else
        echo "no compute-sanitizer here"
      fi ;;
    bench)
      for precision in fp32 bf16; do
        log "bench-$precision" "$genrec" bench gpu --device cuda --quiet --precision "$precision" "${bench_options[@]}"
      done ;;
    peers)
      for precision in fp32 bf16; do
        log "peers-$precision" python3 scripts/bench_gpu_peers.py --program "$genrec" --precision "$precision"
      done ;;
    epoch)
      if [ -n "${INSTRUMENTS:-}" ]; then
        data=$INSTRUMENTS
        [ -e "$runs/instruments/dataset.json" ] || "$genrec" import --quiet --interactions "$data/Instruments.inter.json" \
          --item-map "$data/Instruments.item2id" --user-map "$data/Instruments.user2id" \
          --features "textual=$data/text.npy,visual=$data/image.npy" --feature-ids rows --out "$runs/instruments" > /dev/null
        rm -rf "$runs/macrec"
        log epoch "$genrec" train --model macrec --data "$runs/instruments" --out "$runs/macrec" --epochs 1 \
          --precision bf16 --micro-batch 4096 --device cuda \
          --ids "textual=$data/Instruments.index_lemb.json,visual=$data/Instruments.index_vitemb.json"
      else
        echo "no epoch of MACRec: INSTRUMENTS names no data"
      fi ;;
    *)
      echo "results_gpu.sh: there is no part '$part'; parts are selftest, sanitizer, bench, peers, epoch" >&2
      exit 64 ;;
  esac
done

{
  cat <<END
# On a GPU

Written by scripts/results_gpu.sh with $("$genrec" --version | head -1) on $(date -u +%Y-%m-%d); the machine's processor has $(nproc)
threads. \`bench gpu\` names the GPU in its last line. What the columns mean: docs/cuda.md.
END
  for name in selftest-fp32 selftest-bf16 sanitizer-{memcheck,racecheck,synccheck,initcheck} bench-{fp32,bf16} peers-{fp32,bf16} epoch; do
    [ ! -e "$runs/$name.txt" ] || printf '\n## %s\n\n```\n%s\n```\n' "$name" "$(cat "$runs/$name.txt")"
  done
} > "$page"
echo "written: $page"
