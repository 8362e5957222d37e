"""How often is each verdict of `iram shift` right? Its rates on nets whose truth is known.

Planted nets are closed forms: attention that avoids every fill, noise alone, or in one layer only;
that moves while nothing listens; that follows contrast, is fixed, or goes to the cover; that avoids
on faces of one class; channels against each other; and nulls, where nothing is there to be found.
Their cells are those of `iram shift`, on rendered heads. Small studies of them are drawn (training
seeds and faces) and judged by the rules of `iram shift`, and how often each verdict comes out is
set beside what it should be.

Writes to --out: rates.csv (a row per planted net, hypothesis, class of fill, training seeds and
verdict, with its share and interval), bounds.csv (which bounds are met: supported, where that is
false, in at most 5% of the studies; found, where it is true, in at least 80%), run.json; and cells
in shift/, interventions/ and studies/. What was finished is kept: run it again to go on. A bound
that is missed is told, and no error.

examples:
  iram calibrate --out runs/calibration
  iram calibrate --nets avoids,wobbles --out runs/two
  iram calibrate --studies 100 --nulls 100 --seeds 5 --out runs/try
  iram calibrate --data heads:n=420 --faces 200 --seeds 3,5,10 --out runs/more
"""

from analysis.commands import options


def configure(parser) -> None:
    options.add_data(parser, required=False, split=False, help="rendered heads, or other faces that"
                     " the planted nets then know; default: heads:n=140")
    parser.add_argument("--nets", metavar="NAMES", help="planted nets, such as avoids,wobbles; "
                        "default: all")
    parser.add_argument("--pool", type=int, default=16, metavar="N",
                        help="training seeds of each planted net that studies are drawn of; "
                        "default: 16")
    parser.add_argument("--seeds", default="3,5", metavar="N,N",
                        help="training seeds of a study, each number is tried; default: 3,5")
    parser.add_argument("--faces", type=int, default=70, metavar="N",
                        help="of a study; default: 70")
    parser.add_argument("--studies", type=int, default=300, metavar="N",
                        help="of each planted net; default: 300")
    parser.add_argument("--nulls", type=int, default=1000, metavar="N",
                        help="studies of each null; default: 1000")
    options.add_seed(parser, "of places, noise and draws")
    options.add_run_folder(parser, "calibration", "tables and cells")
    options.add_executor(parser)


def run(args) -> int:
    from dataclasses import replace

    from analysis.studies import inputs
    from analysis.studies.calibration.plan import Design
    from analysis.studies.calibration.run import calibrate
    from iram.names import split_names

    seeds = tuple(dict.fromkeys(options.whole_numbers(args.seeds, "--seeds")))
    design = Design(args.pool, seeds, args.faces, args.studies, args.nulls)
    if args.nets is not None:
        design = replace(design, nets=tuple(dict.fromkeys(split_names(args.nets))))
    dataset = inputs.faces(args.data or "heads:n=140", "all")
    print(calibrate(dataset, args.out, design, seed=args.seed,
                    executor=options.executor(args)).report())
    return 0
