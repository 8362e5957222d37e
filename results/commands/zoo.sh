#!/bin/sh
# Nets like those of other works, beside the study's and nets that were trained elsewhere: one row each. NETS and
# SEEDS are those that ship; GRID is the folder of `iram train --grid zoo` for others. OUTSIDE names nets from
# outside, as --models takes them.
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
RAN_LISTS="${RAN_LISTS:-ran_lists}"
GRID="${GRID:-}"
OUT="${OUT:-runs/zoo}"
NETS="${NETS:-vgg plain separable distilled mobile siamese dual bidirectional crops regional ensemble resnet12}"
ATTENTION="${ATTENTION:-dual regional}"  # those that have attention
SEEDS="${SEEDS:-0}"
named() {  # these nets, as --models takes them, after the study's
    study="$1"
    shift
    for seed in $SEEDS; do
        for net in $study; do
            printf '%s-seed%s,' "$net" "$seed"
        done
        for net in "$@"; do
            printf '%szoo-%s-seed%s%s,' "${GRID:+$GRID/}" "$net" "$seed" "${GRID:+.safetensors}"
        done
    done
}
models=$(named "none iram cbam" $NETS)${OUTSIDE:-}
attention=$(named "iram cbam" $ATTENTION)
conditions="pose,*-natural-object"
for place in box brows eyes nose mouth upper_half lower_half left_half right_half; do
    conditions="$conditions,$place-0.3-mean,$place-0.3-noise"
done
iram bench --data "$DATA" --models "${models%,}" --reference none --conditions "$conditions" \
    --ran-lists "$RAN_LISTS" --batch-size 64 --dtype bf16 --backend folded --out "$OUT/occlusion" "$@"
iram attribute --data "$DATA" --models "${models%,}" --limit 24 --reference 24 --curves 1 --pairs 1 --sanity 1 \
    --methods attention,gradcam,saliency,input_x_gradient,integrated_gradients,occlusion,random \
    --backend eager --out "$OUT/attribution" "$@"
iram shift --data "$DATA" --models "${attention%,}" --ran-lists "$RAN_LISTS" --limit 100 --no-permuted \
    --batch-size 64 --dtype bf16 --backend folded --out "$OUT/shift" "$@"
iram zoo --models "${models%,}" --out "$OUT"
