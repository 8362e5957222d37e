#!/bin/sh
# Today's reading of IRAM with its gate after the addition, where no shortcut passes it by, beside the same in the
# branch, on PublicTest: accuracy, by which one is chosen (docs/protocol.md), and how far its attention acts.
# GRID is the folder of `iram train --grid readings`. In fp32, as it was trained and measured on a processor without bf16.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
GRID="${GRID:-runs/grid-readings}"
READING="${READING:-$GRID/iram-block-seed0.safetensors}"
OUT="${OUT:-runs/readings/place}"
iram models --compare "$READING,iram-seed0,none-seed0" --data "$DATA" --split validation \
    --reference iram --out "$OUT"
iram shift --data "$DATA" --split validation --models "$READING,iram-seed0,none-seed0" --limit 200 \
    --no-permuted --batch-size 64 --dtype fp32 --backend folded --out "$OUT/shift" "$@"
