#!/bin/sh
# What occlusion costs IRAM and the net without attention when both were taught alike by erasing.
# The nets without attention come from training.sh: GRID is its folder.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
GRID="${GRID:-runs/grid-study}"
OUT="${OUT:-runs/erasing}"
models=iram-erasing-noise,iram-erasing-mean,iram-erasing-occluders
conditions="*-natural-object"
for fill in noise mean occluders; do
    models="$models,$GRID/none-erasing-$fill-seed0.safetensors"
done
for place in box mouth eyes nose lower_half upper_half left_half right_half; do
    conditions="$place-0.3-mean,$place-0.3-noise,$conditions"
done
iram bench --data "$DATA" --models "$models" --conditions "$conditions" --batch-size 64 \
    --dtype fp32 --backend eager --out "$OUT" "$@"
