#!/bin/sh
# The same of the first training seeds, on which the rules were written, and of the nets that learned
# random labels and that were taught by erasing: exploratory. What does not ship is of `iram train --grid study`.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
GRID="${GRID:-runs/grid-study}"
OUT="${OUT:-runs/shift/first_seeds}"
others=""
for net in iram-seed1 iram-seed2 none-seed1 none-seed2 cbam-seed1 cbam-seed2 \
        iram-erasing-mean-seed0 iram-erasing-occluders-seed0; do
    others="$others,$GRID/$net.safetensors"
done
iram shift --data "$DATA" --models "iram,none,cbam,se,eca,iram-random-labels,iram-erasing-noise$others" \
    --limit 400 --batch-size 64 --dtype bf16 --backend folded --out "$OUT" "$@"
