#!/usr/bin/env bash
# Configures and builds: build.sh PRESET [TARGET...]. Compiles through ccache where that is installed. GENREC_CMAKE_FLAGS may
# hold further flags, for example "-DGENREC_CUDA=OFF" or "-DGENREC_CUDA_ARCHITECTURES=90".
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
read -ra flags <<< "${GENREC_CMAKE_FLAGS:-}"
command -v ccache > /dev/null && flags+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache)
cmake --preset "$preset" --log-level=STATUS "${flags[@]}" | grep -E '^-- CUDA' || true
[[ -f build/$preset/build.ninja ]] || { echo "configuring build/$preset failed" >&2; exit 70; }
cmake --build "build/$preset" --target "${@:-all}"
