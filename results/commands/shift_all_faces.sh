#!/bin/sh
# The same of three nets without their controls, on all faces, one training seed.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
RAN_LISTS="${RAN_LISTS:-ran_lists}"
OUT="${OUT:-runs/shift_all}"
iram shift --data "$DATA" --models iram-seed0,none-seed0,cbam-seed0 \
    --ran-lists "$RAN_LISTS" --dtype fp32 --backend eager --out "$OUT" "$@"
