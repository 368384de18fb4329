#!/usr/bin/env bash
# Configures and builds: build.sh PRESET [TARGET...]. Compiles through ccache where that is installed. GENREC_CMAKE_FLAGS may
# hold further flags, for example "-DGENREC_CUDA=OFF" or "-DGENREC_CUDA_ARCHITECTURES=90".
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
read -ra flags <<< "${GENREC_CMAKE_FLAGS:-}"
export CCACHE_SLOPPINESS=pch_defines,time_macros
command -v ccache > /dev/null && flags+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache)
output=$(cmake --preset "$preset" "${flags[@]}" 2>&1) || { echo "$output" >&2; exit 70; }
grep -E '^-- CUDA' <<< "$output" || true
cmake --build "build/$preset" --target "${@:-all}"
