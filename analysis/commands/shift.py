"""Does attention move to the visible regions, is it learned, and does it cause the robustness?

Every model whose attention can move gets a verdict per hypothesis: supported, refuted, undecided or
not tested, by the rules of analysis/subjects/hypotheses.py (one that gates channels
alone, as SE and ECA do, is a rival of the others, and has none). Its controls come from the
other models of --models, and are known by the cards beside the weights, whatever the files are
called: the net without attention (its activation), the same net trained on shuffled labels, the
same net trained with erasing (noise, mean, occluders), and for IRAM se, eca and cbam. The net with
permuted weights is made here. What is missing is named, and its verdict is "not tested". Several
seeds of one label are training seeds of one model; a shipped name without a seed means all of them.

A net from outside has no card and is known by its name (`name` in its description): beside NAME-X
the net without attention is none-X, the others are NAME-X-random-labels and NAME-X-erasing-FILL,
all with the same X, which is what follows the first hyphen. So mynet-small goes with none-small,
and mynet with none, but not with none-net.

Writes to --out: verdicts.csv, strata.csv (each by class of fill and stage of the net),
components.csv (each control in each of these), seeds.csv (each effect by training seed),
authority.csv (how far attention acts), multiverse.csv (what every other choice of measure,
comparison, fills and layers would have said), by_fill.csv (each fill alone, by layer, occluder and
what training erased with), shift.csv (per condition, layer and measure), interventions.csv (what
replaced attention does to margin and accuracy), mediation.csv (what occlusion costs, and how much
of it attention's movement carries), with --ran-lists real.csv and real_correlation.csv (of all
listed faces, whatever --limit is); run.json; and cells in shift/, interventions/ and real/. What
was finished is kept: run it again to go on.

examples:
  iram shift --data fer2013:fer2013.csv --models iram,none,cbam --out runs/shift
  iram shift --data fer2013:fer2013.csv --models iram,none --limit 500 --list --out runs/try
  iram shift --data fer2013:fer2013.csv --ran-lists ran_lists --out runs/shift
  iram shift --data heads:n=1000 --models iram-heads,none-heads,se-heads,cbam-heads
      --out runs/heads-shift
  iram shift --data fer2013:fer2013.csv --conditions "eyes-0.3-*,sham-0.3-noise" --out runs/eyes
  iram shift --data fer2013:fer2013.csv --models iram,none,taught.safetensors --out runs/taught

conditions: names and patterns as in `iram bench`; default: eyes, mouth, lower and upper half, box
and sham at 0.3 of the face with fills mean, noise, texture, phase_scrambled and other_class;
sunglasses and surgical mask. Attention is replaced under the fills mean, noise and object; layer by
layer under noise and object.
"""

from analysis.commands import options


def configure(parser) -> None:
    options.add_data(parser)
    options.add_models(parser)
    options.add_conditions(parser, "occluders and patterns; default: see below")
    options.add_ran_lists(parser)
    parser.add_argument("--no-permuted", action="store_true",
                        help="without the nets with permuted weights, which take half of the time: "
                        "H2a is then not tested")
    options.add_placement(parser)
    options.add_limit(parser)
    options.add_seed(parser, "of places, noise and intervals")
    options.add_batch_size(parser)
    options.add_run_folder(parser, "shift", "tables and cells")
    options.add_executor(parser)
    parser.add_argument("--list", action="store_true",
                        help="only say what is missing and how long it takes")
    options.add_device(parser, dtype=True)
    options.add_backend(parser, ("eager", "folded"))


def run(args) -> int:
    from analysis.studies.arguments import shift_arguments
    from analysis.studies.shift.run import planned, shift

    plan = shift_arguments(args.data, args.models, args.conditions, ran_lists=args.ran_lists,
                           backend=args.backend, permuted=not args.no_permuted,
                           **options.common(args))
    if args.list:
        return _list(planned(**plan)[0], args.no_permuted)
    print(shift(**plan, executor=options.executor(args)).report())
    return 0


def _list(study, without_permuted: bool) -> int:
    from analysis.engine.timing import duration
    from analysis.studies.shift.estimate import seconds_left

    permuted = "" if without_permuted else ", those with permuted weights among them"
    print("\n".join(condition.name for condition in study.plan.conditions))
    print(f"{len(study.plan.conditions)} conditions, {len(study.plan.dataset)} faces, "
          f"{len(study.readers)} nets{permuted}: about "
          f"{duration(seconds_left(study))} here, and the tables")
    return 0
