#!/bin/sh
# Whether attention moves, is learned and helps: the verdicts, on training seeds that were trained
# after the rules were frozen (`iram train --grid confirmation`). The run that is kept was made with
# --no-permuted; this asks H2a as well, and takes twice as long.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
RAN_LISTS="${RAN_LISTS:-ran_lists}"
WEIGHTS="${WEIGHTS:-results/shift/weights}"
OUT="${OUT:-runs/shift}"
models=$(for weights in "$WEIGHTS"/*.safetensors; do printf '%s,' "$weights"; done)
iram shift --data "$DATA" --models "${models}se,eca" --ran-lists "$RAN_LISTS" \
    --limit 400 --batch-size 64 --dtype bf16 --backend folded --out "$OUT" "$@"
