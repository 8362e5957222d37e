#!/bin/sh
# How far occlusion can be learned from scratch, by FERPlus's eight classes and by the rules of
# docs/protocol.md: what may help on really occluded faces, one upon the other.
# TRAINED=1 leaves out the training; NETS are those of the grid that were trained so far.
set -eu
DATA="${DATA:-ferplus:fer2013.csv.xz,fer2013new.csv}"
RAN_LISTS="${RAN_LISTS:-ran_lists}"
GRID="${GRID:-runs/grid-robust}"
OUT="${OUT:-runs/robust}"
NETS="${NETS:-votes occluded consistency}"
models="none-ferplus,iram-ferplus"
for net in $NETS; do
    models="$models,$GRID/robust-$net-seed0.safetensors"
done
[ -n "${TRAINED:-}" ] || iram train --data "$DATA" --grid robust --out "$GRID"
iram models --ledger "$GRID" --grid robust --compare "$GRID" --reference robust-votes \
    --data "$DATA" --out "$OUT/training"
iram models --compare "$GRID" --reference robust-votes --data "$DATA,rule=majority" \
    --out "$OUT/training/majority"
iram bench --data "$DATA" --models "$models" --reference none-ferplus \
    --conditions "upper_half-0.3-mean,lower_half-0.3-mean,left_half-0.3-mean,*-natural-object" \
    --ran-lists "$RAN_LISTS" --batch-size 64 --dtype bf16 --backend folded --out "$OUT" "$@"
