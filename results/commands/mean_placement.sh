#!/bin/sh
# The net without attention under occluders that are placed as on the mean face.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
OUT="${OUT:-runs/occlusion/mean_placement}"
places=brows-0.3-mean,eyes-0.3-mean,nose-0.3-mean,cheeks-0.3-mean,mouth-0.3-mean,chin-0.3-mean
iram bench --data "$DATA" --models none --placement mean \
    --conditions "$places,lower_half-0.3-mean" --batch-size 64 --dtype fp32 --backend eager --out "$OUT" "$@"
