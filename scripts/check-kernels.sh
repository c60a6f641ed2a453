#!/usr/bin/env bash
# Compares every kernel of every tier with the scalar twin, bit for bit, over random shapes (Tests/KernelHarness):
#
#   1. here, on the tiers that this processor has, with AddressSanitizer and UndefinedBehaviorSanitizer;
#   2. on 64-bit ARM under qemu-user, with memory that cannot be touched behind every buffer.
#
# Run: scripts/check-kernels.sh [--long] [--install] [--seed N]
#      scripts/check-kernels.sh --time KERNEL SHAPE...
#   --long      many more and larger shapes, and part 1 once more without sanitizers
#   --install   installs what part 2 needs with apt-get (qemu-user and the cross libraries), if it is missing
#   --time      compares nothing: times one kernel on one thread, on each tier that this processor has. Products of ROWS rows with
#               a matrix of TYPE (q4_1, q4_K, ...), and attention of TOKENS tokens behind PAST others in each of some sequences:
#                 scripts/check-kernels.sh --time product q4_1 576 1536 128         TYPE INPUTS OUTPUTS ROWS
#                 scripts/check-kernels.sh --time attention 9 3 64 0 512 1          HEADS KV_HEADS DIMENSION PAST TOKENS SEQUENCES
#
# clang is that of the Swift toolchain, or what CLANG names. Objects are kept in .build/kernel-harness.
set -euo pipefail
cd "$(dirname "$0")/.."

long=false install=false seed=1 timed=()
while [ $# -gt 0 ]; do
  case $1 in
    --long) long=true ;;
    --install) install=true ;;
    --seed) seed=${2:?--seed needs a number}; shift ;;
    --time) timed=("$@"); shift $(($# - 1)) ;;
    *) echo "check-kernels: $1 is no option (--long, --install, --seed N, --time KERNEL SHAPE...)" >&2; exit 2 ;;
  esac
  shift
done

if [ -z "${CLANG:-}" ]; then
  # A toolchain manager puts links in the path, so the compiler is asked where it is.
  resources=$(swiftc -print-target-info 2>/dev/null | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p' || true)
  CLANG=${resources%/lib/swift}/bin/clang
  [ -x "$CLANG" ] || CLANG=$(command -v clang) || { echo "check-kernels: no clang; name one in CLANG" >&2; exit 1; }
fi
export CLANG
base="-O2 -g1 -D_GNU_SOURCE -Wall -Wextra -Werror -ISources/CKernels/include"
[ ! -x "$(dirname "$CLANG")/ld.lld" ] || linking="-fuse-ld=lld"

# build NAME FLAGS: compiles what changed and links .build/kernel-harness/NAME/harness.
build() {
  local folder=.build/kernel-harness/$1 stamp source object
  export flags="$base $2"
  mkdir -p "$folder"
  stamp=$("$CLANG" --version; echo "$flags"; cat Sources/CKernels/include/*.h Sources/CKernels/*.h Tests/KernelHarness/*.h)
  if [ "$stamp" != "$(cat "$folder/stamp" 2>/dev/null)" ]; then
    rm -f "$folder"/*.o
    printf '%s\n' "$stamp" >"$folder/stamp"
  fi
  for source in Sources/CKernels/*.c Tests/KernelHarness/*.c; do
    object=$folder/$(basename "$(dirname "$source")")-$(basename "$source" .c).o
    [ "$object" -nt "$source" ] || printf '%s %s\n' "$source" "$object"
  done | xargs -L 1 -P "$(getconf _NPROCESSORS_ONLN)" \
    sh -c '[ -z "$1" ] || { "$CLANG" $flags -c "$1" -o "$2.new" && mv "$2.new" "$2"; } || exit 255' compile
  # shellcheck disable=SC2086
  "$CLANG" $flags ${linking:-} "$folder"/*.o -lm -o "$folder/harness"
}

# compare CASES SIZE COMMAND...: runs the harness.
compare() {
  local cases=$1 size=$2
  shift 2
  "$@" --seed "$seed" --cases "$cases" --size "$size" || { echo "check-kernels: the kernels are not right" >&2; exit 1; }
}

# ---------------------------------------------------------------------------------------------------------------------
# Here.

# The tier for AVX-VNNI runs with the same instruction in the form of AVX-512 on processors that have only that.
here=""
if grep -qw avx512_vnni /proc/cpuinfo 2>/dev/null && ! grep -qw avx_vnni /proc/cpuinfo; then
  here="-DIK_AVX2VNNI_BY_AVX512"
  echo "the processor has no AVX-VNNI: the tier avx2-vnni is compiled for the AVX-512 form of its instruction"
fi
if [ ${#timed[@]} -gt 0 ]; then
  build plain "$here"
  exec .build/kernel-harness/plain/harness "${timed[@]}"
fi
# Checking pointer arithmetic itself takes most of the time to compile, and finds nothing that the address check does not.
checked="-fsanitize=address,undefined,float-cast-overflow -fno-sanitize=pointer-overflow -fno-sanitize-recover=all"
echo "with sanitizers:"
build checked "$here $checked"
if $long; then
  compare 5000 1 .build/kernel-harness/checked/harness
  compare 500 6 .build/kernel-harness/checked/harness
  echo "without sanitizers:"
  build plain "$here"
  compare 10000 1 .build/kernel-harness/plain/harness
  compare 1000 6 .build/kernel-harness/plain/harness
else
  compare 400 1 .build/kernel-harness/checked/harness
fi

# ---------------------------------------------------------------------------------------------------------------------
# 64-bit ARM.

case $(uname -s)-$(uname -m) in
  Linux-aarch64) exit 0 ;;
  Linux-*) ;;
  *) echo "64-bit ARM: skipped, there is no qemu-user for this system"; exit 0 ;;
esac

target="--target=aarch64-linux-gnu -static"
# Says what is missing, or nothing.
missing() {
  command -v qemu-aarch64 >/dev/null || { echo "qemu-aarch64"; return; }
  # shellcheck disable=SC2086
  echo 'int main(void) { return 0; }' | "$CLANG" $target ${linking:-} -x c - -o /dev/null >/dev/null 2>&1 || echo "cross libraries"
}
if $install && [ -n "$(missing)" ] && command -v apt-get >/dev/null; then
  root=""
  [ "$(id -u)" = 0 ] || root="sudo -n"
  $root apt-get update -qq >/dev/null 2>&1 || true
  $root apt-get install -y -qq --no-install-recommends qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross >/dev/null 2>&1 ||
    echo "64-bit ARM: apt-get could not install qemu-user, gcc-aarch64-linux-gnu and libc6-dev-arm64-cross"
fi
if [ -n "$(missing)" ]; then
  echo "64-bit ARM: skipped, $(missing) missing (apt-get install qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross)"
  exit 0
fi

echo "64-bit ARM under qemu:"
build arm64 "$target"
harness=.build/kernel-harness/arm64/harness
# Which tiers a processor gets.
for expected in "max=neon-i8mm neon-dotprod" "neoverse-n1=neon-dotprod" "cortex-a72=no tier but the scalar twin"; do
  found=$(qemu-aarch64 -cpu "${expected%%=*}" "$harness" --list)
  [ "$found" = "${expected#*=}" ] || { echo "check-kernels: a ${expected%%=*} gets: $found" >&2; exit 1; }
done
if $long; then
  compare 500 1 qemu-aarch64 -cpu max "$harness"
  compare 60 5 qemu-aarch64 -cpu max "$harness"
else
  compare 60 1 qemu-aarch64 -cpu max "$harness"
fi
