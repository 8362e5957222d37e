#!/bin/sh
# Attention that is taught to look away: does it leave, also what it was not taught, and does the net
# lose less because of it? By the rules of docs/protocol.md. What the two benchmarks cover is the same;
# with what, is what training painted (flat, noise) or never did (texture, objects).
# Of the grid this is what was trained so far: TRAINED=1 leaves out the training.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
RAN_LISTS="${RAN_LISTS:-ran_lists}"
GRID="${GRID:-runs/grid-away}"
OUT="${OUT:-runs/away}"
named() {  # the files of these nets, as --models takes them
    for name in "$@"; do
        printf ',%s/%s.safetensors' "$GRID" "$name"
    done
}
nets=""
none=""
for seed in 0 1 2; do
    nets="$nets iram-away-seed$seed iram-away-erasing-seed$seed"
    for weight in 0 1 16; do
        nets="$nets iram-away-falls-$weight-seed$seed"
    done
    none="$none none-away-consistency-seed$seed none-away-erasing-seed$seed"
done
ATTENTION="${ATTENTION:-$nets}"
NONE="${NONE:-$none}"
attention=$(named $ATTENTION)
none=$(named $NONE)
trained=""
held_out="*-natural-object"
for place in box mouth eyes nose lower_half upper_half left_half right_half; do
    trained="$trained,$place-0.3-mean,$place-0.3-noise"
    held_out="$held_out,$place-0.3-texture"
done
[ -n "${TRAINED:-}" ] || iram train --data "$DATA" --grid away --out "$GRID"
iram shift --data "$DATA" --models "${attention#,}" --ran-lists "$RAN_LISTS" --limit 400 \
    --no-permuted --batch-size 64 --dtype bf16 --backend folded --out "$OUT/shift" "$@"
for fills in trained held_out; do
    eval "conditions=\$$fills"
    iram bench --data "$DATA" --models "${attention#,}$none" --reference none-away-consistency \
        --conditions "${conditions#,}" --ran-lists "$RAN_LISTS" --batch-size 64 \
        --dtype bf16 --backend compile --out "$OUT/$fills" "$@"
done
