# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts beside it, which source it: strict bash, one line per step, all from the
# root of the project.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '== %s\n' "$*" >&2; }
fail() {
  printf '%s: %s\n' "script/${0##*/}" "$*" >&2
  exit 1
}

jobs=$(nproc 2>/dev/null || echo 2)

# build_preset PRESET [TARGET...]: configures and builds, says how long it took. Configuring is
# silent unless it fails.
build_preset() {
  local preset=$1 began=$SECONDS log
  shift
  say "$preset: configuring and building in build/$preset"
  mkdir -p build
  log=build/$preset-configure.log
  if ! cmake --preset "$preset" >"$log" 2>&1; then
    cat "$log" >&2
    return 1
  fi
  cmake --build --preset "$preset" --parallel "$jobs" ${1:+--target "$@"} >&2
  say "$preset: built after $((SECONDS - began)) s"
}
