"""Attribution suite: the models' own attention beside Grad-CAM, Captum's methods and exact Shapley
values of the face's regions, scored against maps of other faces.

For every model and method: agreement with every other method, faithfulness (insertion, deletion,
ROAD, infidelity, sensitivity, rank correlation with exact Shapley values), localisation (of a box
that occludes 30% of the face; on heads also of what carries the expression), complexity, how far
the maps stay when the weights are randomised (layer by layer, denoised, and by their complexity),
and their stability beside that of picture, features and logits. Nets whose training covered faces
also judge the maps by deletion in their domain. Explained is the clean prediction's logit; with
--against its difference to the logit of another class: why this class rather than that one?

Writes to --out: agreement.csv, faithfulness.csv, curves.csv, localisation.csv, sanity.csv,
complexity.csv, ranking.csv, interactions.csv (each number with its 95% interval over faces, beside
chance), modules.csv (what of them holds of a module, over the training seeds that --models names),
rows/*.parquet (a row per image and measure), maps/*.parquet, run.json, and figures. What was
finished is kept: run it again to go on, or with more methods or models.

examples:
  iram attribute --data fer2013:fer2013.csv --models iram,none,cbam --limit 500
      --out runs/attribution
  iram attribute --data fer2013:fer2013.csv --methods all --limit 100 --list --out runs/all
  iram attribute --data heads:n=700 --models iram-heads,se-heads --out runs/heads-maps
  iram attribute --data heads:n=200 --split all --methods all --bank bank --out runs/bank
  iram attribute --data folder:faces --split all --models iram --methods attention,gradcam
      --out runs/few
  iram attribute --data fer2013:fer2013.csv --models iram --random-labels shuffled.safetensors
      --out runs/labels
  iram attribute --data fer2013:fer2013.csv --models iram --against second --out runs/contrast

methods: cheap (the default), dear (hundreds of passes a face, as exact Shapley values), all, or
names. --list says how long each takes here, and runs nothing. A model without attention goes
without those methods; what was skipped is printed.
"""

from pathlib import Path

from analysis.commands import options


def configure(parser) -> None:
    options.add_data(parser)
    options.add_models(parser)
    parser.add_argument("--methods", default="cheap", metavar="cheap|dear|all|NAMES",
                        help="attribution methods; default: cheap")
    parser.add_argument("--random-labels", default="", metavar="NAMES",
                        help="models trained on random labels, each the control of one of --models "
                        "and of its other training seeds: how alike are their maps?")
    options.add_against(parser)
    options.add_layer(parser)
    options.add_placement(parser)
    options.add_limit(parser)
    options.add_seed(parser, "of places, noise, partners and intervals")
    for name, count, what in (("reference", 200, "exact Shapley values and occluded pictures"),
                              ("curves", 64, "curves, infidelity, sensitivity, in-domain deletion"),
                              ("pairs", 64, "SSIM and earth mover's distance of all pairs"),
                              ("sanity", 16, "randomised weights and stability")):
        parser.add_argument(f"--{name}", type=int, default=count, metavar="N",
                            help=f"faces for {what}; default: {count}")
    options.add_run_folder(parser, "attribution", "tables, rows and figures")
    parser.add_argument("--bank", type=Path, metavar="DIR",
                        help="also write all maps and scores there as a bank of Parquet files, "
                        "which others can load without this program")
    options.add_executor(parser)
    parser.add_argument("--list", action="store_true",
                        help="only say what is missing and how long it takes")
    options.add_device(parser)
    options.add_backend(parser)


def run(args) -> int:
    from analysis.engine.run import finish
    from analysis.studies.arguments import attribution_arguments
    from analysis.studies.attribution.report import skipped_lines
    from analysis.studies.attribution.run import Attribution, planned

    sizes = {name: getattr(args, name) for name in ("reference", "curves", "pairs", "sanity")}
    plan, described = planned(**attribution_arguments(
        args.data, args.models, args.methods, out=args.out, split=args.split, limit=args.limit,
        seed=args.seed, random_labels=args.random_labels, placement=args.placement,
        landmarks=args.landmarks, device=args.device, sizes=sizes, layer=args.layer,
        backend=args.backend, against=args.against,
    ))
    if args.list:
        return _list(plan)
    for line in skipped_lines(plan):
        print(line, flush=True)
    _warn(plan)
    found = finish(Attribution(plan), described, True, options.executor(args))
    print(found.report())
    if args.bank:
        from analysis.studies.attribution.bank import write_bank

        write_bank(plan, found.tables, args.bank)
        print(f"in {args.bank}: a bank; its data card is README.md")
    return 0


def _list(plan) -> int:
    from analysis.engine.timing import duration
    from analysis.studies.attribution.estimate import estimate
    from analysis.studies.attribution.report import skipped_lines

    costs = estimate(plan)
    print("\n".join([*skipped_lines(plan), *map(str, costs)]))
    print(f"{len(plan.dataset)} faces, {len(plan.subjects)} models, {len(plan.methods)} methods: "
          f"about {duration(sum(cost.seconds for cost in costs))} here, and the comparison of all "
          "pairs")
    return 0


def _warn(plan) -> None:
    """Says how long the dear methods take, before they are run."""
    from analysis.attributions import ATTRIBUTIONS
    from analysis.engine.cells import missing
    from analysis.studies.attribution.estimate import dear_costs

    if not any(missing(plan)):
        return
    asked = [method for method in plan.methods if ATTRIBUTIONS.about(method).cost == "dear"]
    print(f"dear methods, for {len(plan.dataset)} faces and one model"
          + ("" if asked else " (not asked for)"))
    print("\n".join(map(str, dear_costs(plan))), flush=True)
