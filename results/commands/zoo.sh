#!/bin/sh
# Nets like those of ten other works, beside the study's and nets that were trained elsewhere: one row each.
# GRID is the folder of `iram train --grid zoo`; of a part of the grid, what is there. OUTSIDE names nets from
# outside, as --models takes them.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
RAN_LISTS="${RAN_LISTS:-ran_lists}"
GRID="${GRID:-runs/grid-zoo}"
OUT="${OUT:-runs/zoo}"
NETS="${NETS:-vgg resnet12 plain mobile separable distilled siamese bidirectional crops dual regional ensemble}"
SEEDS="${SEEDS:-0 1 2}"
models=""
for seed in $SEEDS; do
    there=""
    for net in $NETS; do
        weights="$GRID/zoo-$net-seed$seed.safetensors"
        if [ -e "$weights" ] || [ ! -d "$GRID" ]; then there="$there,$weights"; fi
    done
    [ -z "$there" ] || models="$models,none-seed$seed,iram-seed$seed,cbam-seed$seed$there"
done
models="${models#,}${OUTSIDE:+,$OUTSIDE}"
conditions="pose,*-natural-object"
for place in box brows eyes nose mouth upper_half lower_half left_half right_half; do
    conditions="$conditions,$place-0.3-mean,$place-0.3-noise"
done
iram bench --data "$DATA" --models "$models" --reference none --conditions "$conditions" \
    --ran-lists "$RAN_LISTS" --batch-size 64 --dtype bf16 --backend folded --out "$OUT/occlusion" "$@"
iram attribute --data "$DATA" --models "$models" --limit 24 --reference 24 --curves 1 --pairs 1 --sanity 1 \
    --methods attention,gradcam,saliency,input_x_gradient,integrated_gradients,occlusion,random \
    --backend eager --out "$OUT/attribution" "$@"
iram zoo --models "$models" --out "$OUT"
# The way back of a bidirectional net, trained on rendered heads, so that what it draws can be shown.
iram train --data heads:n=6000 --backbone bidirectional --attention none --suffix=-bidirectional-heads \
    --recipe "terms=cross_entropy:0+members:1+reconstruction:0.1,epochs=16,lr=0.05" --out "$OUT/heads"
iram zoo --models "$OUT/heads/none-bidirectional-heads-seed0.safetensors" --out "$OUT/heads"
