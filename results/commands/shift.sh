#!/bin/sh
# Whether attention moves, is learned and helps: the verdicts.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
OUT="${OUT:-runs/shift}"
taught=iram-erasing-noise,iram-erasing-mean,iram-erasing-occluders
iram shift --data "$DATA" --models "iram,none,cbam,se,eca,iram-random-labels,$taught" \
    --limit 400 --batch-size 64 --dtype bf16 --backend folded --out "$OUT" "$@"
