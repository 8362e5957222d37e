#!/bin/sh
# Accuracy against head pose, all faces turned as the mean face.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
OUT="${OUT:-runs/pose}"
iram bench --data "$DATA" --conditions pose --dtype fp32 --backend eager --out "$OUT" "$@"
