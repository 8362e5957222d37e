#!/bin/sh
# Really occluded and turned faces by FERPlus's eight classes, on which others have published.
set -eu
DATA="${DATA:-ferplus:fer2013.csv.xz,fer2013new.csv}"
RAN_LISTS="${RAN_LISTS:-ran_lists}"
OUT="${OUT:-runs/occlusion/ferplus}"
iram bench --data "$DATA" --models iram-ferplus,none-ferplus \
    --conditions "upper_half-0.3-mean,lower_half-0.3-mean,left_half-0.3-mean,*-natural-object" \
    --ran-lists "$RAN_LISTS" --batch-size 64 --workers 2 --dtype fp32 --backend eager --out "$OUT" "$@"
