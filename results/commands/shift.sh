#!/bin/sh
# Whether attention moves, is learned and helps: the verdicts, on training seeds that were trained
# after the rules were frozen (`iram train --grid confirmation`).
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
RAN_LISTS="${RAN_LISTS:-ran_lists}"
MODELS="${MODELS:-iram-seed5,iram-seed6,iram-seed7,none-seed5,none-seed6,none-seed7,cbam-seed5,cbam-seed6}"
OUT="${OUT:-runs/shift}"
iram shift --data "$DATA" --models "$MODELS,se,eca" --ran-lists "$RAN_LISTS" \
    --limit 400 --batch-size 64 --dtype bf16 --backend folded --out "$OUT" "$@"
