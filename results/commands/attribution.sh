#!/bin/sh
# Attention beside attribution methods and trivial maps, scored against exact Shapley values: three training
# seeds of each net, an hour and a half on two cores.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
OUT="${OUT:-runs/attribution}"
models=""
for seed in 0 1 2; do models="${models}iram-seed$seed,none-seed$seed,cbam-seed$seed,"; done
iram attribute --data "$DATA" --models "$models" --random-labels iram-random-labels --limit 80 \
    --reference 80 --curves 24 --pairs 24 --sanity 6 --backend folded --out "$OUT" "$@"
