#!/bin/sh
# What occlusion costs IRAM and the net without attention when both saw noise alike in training.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
OUT="${OUT:-runs/erasing}"
conditions="*-natural-object"
for place in box mouth eyes nose lower_half upper_half left_half right_half; do
    conditions="$place-0.3-mean,$place-0.3-noise,$conditions"
done
iram bench --data "$DATA" --models iram-erasing-noise,none-erasing-noise --conditions "$conditions" \
    --batch-size 64 --dtype bf16 --backend compile --out "$OUT" "$@"
