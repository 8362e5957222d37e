#!/bin/sh
# Attention beside attribution methods and trivial maps, scored against exact Shapley values: three training
# seeds of each net, an hour and a half on two cores. Of these one ships; the others are of `iram train --grid study`.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
GRID="${GRID:-runs/grid-study}"
OUT="${OUT:-runs/attribution}"
models=iram-seed0,none-seed0,cbam-seed0,
for seed in 1 2; do
    for net in iram none cbam; do models="$models$GRID/$net-seed$seed.safetensors,"; done
done
iram attribute --data "$DATA" --models "$models" --random-labels iram-random-labels --limit 80 \
    --reference 80 --curves 24 --pairs 24 --sanity 6 --backend folded --out "$OUT" "$@"
