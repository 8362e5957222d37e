"""Does attention move to the visible regions, is it learned, and does it cause the robustness?

Every model with attention gets a verdict per hypothesis: supported, refuted, undecided or not
tested, by rules that are written down in analysis/shift/hypotheses.py. Its controls come from the
other models of --models: none (its activation), NAME-random-labels, NAME-erasing-noise and
NAME-erasing-mean, and for IRAM se, eca and cbam; the net with permuted weights is made here. What
is missing is said, and its verdict is "not tested".

Writes to --out: verdicts.csv, components.csv (what each rests on), shift.csv (per condition, layer
and measure), interventions.csv (what replaced attention does to margin and accuracy), with
--ran-lists real.csv and real_correlation.csv; run.json; and cells in shift/ and interventions/.
What was finished is kept: run it again to go on.

examples:
  iram shift --data fer2013:fer2013.csv --models iram,none,cbam --out runs/shift
  iram shift --data fer2013:fer2013.csv --models iram,none --limit 500 --out runs/try
  iram shift --data fer2013:fer2013.csv --ran-lists ran_lists --out runs/real
  iram shift --data heads:n=1000 --models iram-heads,none-heads,se-heads,cbam-heads --out runs/heads
  iram shift --data fer2013:fer2013.csv --conditions "eyes-0.3-*,sham-0.3-noise" --out runs/eyes

conditions: names and patterns as in `iram bench`; default: eyes, mouth, lower and upper half, box
and sham at 0.3 of the face with fills mean, noise, phase_scrambled and other_class; sunglasses and
surgical mask. Attention is replaced under the fills mean, noise and object; layer by layer under
noise and object.
"""

from pathlib import Path

from analysis.commands import options


def configure(parser) -> None:
    parser.add_argument("--data", required=True, metavar="SPEC", help="fer2013:PATH, heads, ...")
    parser.add_argument("--split", default="test", metavar="NAME", help="default: test")
    options.add_models(parser, "iram,none,cbam")
    parser.add_argument("--conditions", default="default", metavar="NAMES",
                        help="occluders and patterns; default: see below")  # fmt: skip
    parser.add_argument("--ran-lists", type=Path, metavar="DIR",
                        help="lists of really occluded faces (Region Attention Networks): the "
                        "same on these, by type")  # fmt: skip
    options.add_placement(parser)
    parser.add_argument("--limit", type=int, metavar="N", help="only N random faces")
    parser.add_argument("--seed", type=int, default=0, metavar="S",
                        help="of places, noise and intervals; default: 0")  # fmt: skip
    parser.add_argument("--batch-size", default="auto", metavar="auto|N",
                        help="auto measures it once and keeps it in run.json")  # fmt: skip
    parser.add_argument("--out", required=True, type=Path, metavar="DIR",
                        help="tables and cells; a run in it is gone on with")  # fmt: skip
    options.add_device(parser, dtype="fp32")


def run(args) -> int:
    from analysis.faces import placed
    from analysis.shift.study import DEFAULT, checked, shift
    from analysis.study import select
    from analysis.subjects import open_study
    from iram.data import open_dataset

    conditions = DEFAULT if args.conditions == "default" else select(args.conditions)
    conditions = checked(conditions)
    device = options.device(args.device)
    dataset = open_dataset(args.data, split=args.split)
    subjects, dataset = open_study(args.models, dataset, device, args.dtype == "bf16")
    cameras = placed(dataset, args.landmarks) if args.placement == "landmarks" else None
    results = shift(
        subjects, dataset, args.out, conditions=conditions, ran_lists=args.ran_lists,
        seed=args.seed, limit=args.limit, dtype=args.dtype, cameras=cameras,
        batch_size=options.batch_size(args.batch_size),
    )  # fmt: skip
    print(results.report())
    return 0
