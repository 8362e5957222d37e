"""Measure models under occlusion, corruption and head pose, with the clean pass, the area-matched
random box and the sham beside the face as controls.

Writes to --out: rows/*.parquet (a row per image, model and condition); tables, each number with its
95% interval: summary.csv (per condition), occluders.csv (against the random box), curves.csv (areas
under accuracy against fraction), robustness.csv (what is lost of the faces that a model and its
reference both recognise clean, and mRR), importance.csv (per expression and region), worst.csv (the
worst expression), modules.csv (the same of every module over its training seeds) and poses.csv (of
turned heads), and with --ran-lists real.csv, real_synthetic.csv, real_correlation.csv and
real_modules.csv; run.json, and figures. The reference is the net without attention ("none") or what
--reference names. What was finished is kept: run it again to go on.

examples:
  iram bench --data fer2013:fer2013.csv --models iram,none,cbam --out runs/occlusion
  iram bench --data fer2013:fer2013.csv --models iram,iram-seed5,none,none-seed5 --out runs/seeds
  iram bench --data fer2013:fer2013.csv --models iram --conditions quick --limit 500 --out runs/try
  iram bench --data fer2013:fer2013.csv --conditions full --list --out runs/full
  iram bench --data fer2013:fer2013.csv --ran-lists ran_lists --out runs/occlusion
  iram bench --data folder:faces --split all --models iram,my.safetensors --out runs/mine
  iram bench --data folder:faces --split all --models a.onnx,b.onnx --reference a --out runs/two
  iram bench --data fer2013:fer2013.csv --conditions pose,box --landmarks points.npz --out runs/pose
  iram bench --data fer2013:fer2013.csv --conditions "eyes,hand-*,jpeg-3" --out runs/eyes

conditions: presets (quick, default, full; regions, objects, unstructured, dropout, corruptions,
rotation, pose, pose-pairs, heads, smoke), occluders, corruptions, or (patterns of) names:
eyes-0.3-mean is 30% of the face area, grown out of the eyes, in mean gray; hand-natural-object a
hand of natural size with its own look; jpeg-3 severity 3 of 5; yaw+30 degrees. --list prints them.
Heads are rendered anew at each angle. Photographs are turned from the pose that they have: with
--landmarks each by its own surface, and only those within 15 degrees of frontal; else all of
them, as the mean face.
"""

from analysis.commands import options


def configure(parser) -> None:
    options.add_data(parser)
    options.add_models(parser)
    options.add_conditions(parser)
    options.add_ran_lists(parser)
    options.add_reference(parser)
    options.add_placement(parser)
    options.add_limit(parser)
    options.add_seed(parser, "of places, noise and intervals")
    options.add_batch_size(parser)
    options.add_run_folder(parser, "occlusion", "tables, rows and figures")
    options.add_executor(parser)
    parser.add_argument(
        "--list", action="store_true",
        help="only list the conditions, what they cost and how long they take",
    )
    options.add_device(parser, dtype=True)
    options.add_backend(parser)


def run(args) -> int:
    from analysis.studies.arguments import benchmark_arguments
    from analysis.studies.occlusion import run as bench
    from analysis.studies.occlusion.real.run import real_groups

    plan = benchmark_arguments(args.data, args.models, args.conditions, backend=args.backend,
                               reference=args.reference, **options.common(args))
    if args.list:
        return _list(bench.planned(**plan)[0])
    if args.ran_lists:  # mistakes in the lists should not wait for a long run
        real_groups(plan["dataset"], args.ran_lists)
    results = bench.benchmark(**plan, executor=options.executor(args))
    print(results.report())
    if args.ran_lists:
        print(bench.report_real(results, args.ran_lists))
    return 0


def _list(plan) -> int:
    from analysis.studies.occlusion.estimate import estimate

    print("\n".join(condition.name for condition in plan.conditions))
    print(f"{len(plan.conditions)} conditions, {len(plan.dataset)} faces, {len(plan.subjects)} "
          f"models: {estimate(plan)}")
    return 0
