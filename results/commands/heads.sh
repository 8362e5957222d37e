#!/bin/sh
# Occlusion and head pose on rendered heads (as `make bench` does), and the contact sheets.
set -eu
DATA="${DATA:-heads:n=1000}"
OUT="${OUT:-runs/heads}"
iram bench --data "$DATA" --models iram-heads,none-heads,se-heads,cbam-heads --conditions heads \
    --dtype fp32 --backend eager --out "$OUT"
iram sheets --out "$OUT"
