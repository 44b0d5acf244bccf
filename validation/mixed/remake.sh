#!/bin/sh
# Remake the references of the mixed models: panels, R fits on them, R fits on the textbook sets.
#   sh validation/mixed/remake.sh [REAL]
# Needs R with lme4, glmmTMB, numDeriv, digest and jsonlite, and the environment of the project. About six minutes.
# REAL is the folder with real data; without it mixed_public.json is left as it is.
set -eu
cd "$(dirname "$0")"
export OMP_NUM_THREADS=1
python="${PYTHON:-../../.venv/bin/python}"
real="${1:-${DWANGSTATS_REAL_DATA:-../../../shared/real}}"
"$python" panels.py
Rscript synthetic.R
Rscript public.R
if [ -d "$real/reference" ]; then
  "$python" public.py "$real"
else
  echo "no folder with real data at $real: mixed_public.json is left as it is" >&2
fi
