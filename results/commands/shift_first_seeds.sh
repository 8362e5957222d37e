#!/bin/sh
# The same of the first training seeds, on which the rules were written, and of the nets that learned
# random labels and that were taught by erasing: exploratory.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
OUT="${OUT:-runs/shift/first_seeds}"
taught=iram-erasing-noise,iram-erasing-mean,iram-erasing-occluders
iram shift --data "$DATA" --models "iram,none,cbam,se,eca,iram-random-labels,$taught" \
    --limit 400 --batch-size 64 --dtype bf16 --backend folded --out "$OUT" "$@"
