#!/bin/sh
# Attention that is taught to look away: does it leave, also what it was not taught, and does the net
# lose less because of it? By the rules of docs/protocol.md. What the two benchmarks cover is the same;
# with what, is what training painted (flat, noise) or never did (texture, objects).
# Of a part of the grid: TRAINED=1, and the nets that are there in STUDIED.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
RAN_LISTS="${RAN_LISTS:-ran_lists}"
GRID="${GRID:-runs/grid-away}"
OUT="${OUT:-runs/away}"
named() {  # the files of these labels' training seeds, as --models takes them
    for label in "$@"; do
        for seed in 0 1 2; do
            printf ',%s/%s-seed%s.safetensors' "$GRID" "$label" "$seed"
        done
    done
}
STUDIED="${STUDIED:-iram-away iram-away-falls-0 iram-away-erasing none-away-consistency none-away-erasing}"
studied=$(named $STUDIED)
trained=""
held_out="*-natural-object"
for place in box mouth eyes nose lower_half upper_half left_half right_half; do
    trained="$trained,$place-0.3-mean,$place-0.3-noise"
    held_out="$held_out,$place-0.3-texture"
done
[ -n "${TRAINED:-}" ] || iram train --data "$DATA" --grid away --out "$GRID"
iram shift --data "$DATA" --models "${studied#,}" --ran-lists "$RAN_LISTS" --limit 400 \
    --no-permuted --batch-size 64 --dtype bf16 --backend folded --out "$OUT/shift" "$@"
for fills in trained held_out; do
    eval "conditions=\$$fills"
    iram bench --data "$DATA" --models "${studied#,}" --reference none-away-consistency \
        --conditions "${conditions#,}" --ran-lists "$RAN_LISTS" --batch-size 64 \
        --dtype bf16 --backend compile --out "$OUT/$fills" "$@"
done
