#!/bin/sh
# The yaw that FaceMesh measures of turned faces (the environment of `make landmarks`).
set -eu
DATA="${DATA:-fer2013:fer2013.csv.xz}"
LANDMARKS="${LANDMARKS:-landmarks_test.npz}"
OUT="${OUT:-runs/pose}"
yaw=-45,-30,-15,0,15,30,45
iram landmarks --data "$DATA" --split PublicTest --limit 200 --landmarks "$LANDMARKS" \
    --yaw="$yaw" --out "$OUT/measured_yaw_fer2013.csv"
iram landmarks --data heads --split test --limit 200 --yaw="$yaw" \
    --out "$OUT/measured_yaw_heads.csv"
