#!/bin/sh
# Whether the masks alone tell the expression: placed by landmarks, and as on the mean face.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
OUT="${OUT:-runs/leakage}"
iram leakage --data "$DATA" --out "$OUT" "$@"
iram leakage --data "$DATA" --placement mean --out "$OUT/mean_placement" "$@"
