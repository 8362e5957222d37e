#!/bin/sh
# Whether attention moves, is learned and helps: the verdicts, on training seeds that were trained
# after the rules were frozen (`iram train --grid confirmation`). The run that is kept was made without
# the permuted weights of H2a, for want of time; this asks them as well.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
RAN_LISTS="${RAN_LISTS:-ran_lists}"
WEIGHTS="${WEIGHTS:-results/shift/weights}"
OUT="${OUT:-runs/shift}"
models=$(for weights in "$WEIGHTS"/*.safetensors; do printf '%s,' "$weights"; done)
iram shift --data "$DATA" --models "${models}se,eca" --ran-lists "$RAN_LISTS" \
    --limit 400 --batch-size 64 --dtype bf16 --backend folded --out "$OUT" "$@"
