#!/bin/sh
# Accuracy under every occluder, corruption and rotation; really occluded and turned faces.
# FERPlus's fer2013new.csv lies beside the CSV.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
RAN_LISTS="${RAN_LISTS:-ran_lists}"
OUT="${OUT:-runs/occlusion}"
iram bench --data "$DATA" --models iram,none,cbam --conditions default \
    --ran-lists "$RAN_LISTS" --batch-size 64 --workers 2 --dtype fp32 --backend eager --out "$OUT" "$@"
