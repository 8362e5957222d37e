#!/bin/sh
# How far this processor's answers are from the reference, and as an older one would compute them.
set -eu
OUT="${OUT:-runs/verify}"
iram verify --out "$OUT"
ONEDNN_MAX_CPU_ISA=AVX512_CORE iram verify --out "$OUT"
ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 iram verify --out "$OUT"
