#!/bin/sh
# The same, each near-frontal face turned by the surface of its own landmarks (by `make landmarks`).
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
LANDMARKS="${LANDMARKS:-landmarks_test.npz}"
OUT="${OUT:-runs/pose/own_surfaces}"
iram bench --data "$DATA" --landmarks "$LANDMARKS" --models iram,none,cbam --conditions pose \
    --batch-size 64 --workers 2 --dtype fp32 --backend eager --out "$OUT" "$@"
