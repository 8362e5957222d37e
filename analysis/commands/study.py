"""The whole study: accuracy under occlusion, attention beside attribution methods, and whether
attention moves off what is covered, is learned to, and helps; with the verdicts at the end.

Runs in order what `iram bench`, `iram attribute` and `iram shift` run, in --out/occlusion,
--out/attribution and --out/shift (see the help of each for its tables), and writes study.json: what
ran, on what, the verdicts and all versions. It says first what it will do and how long that takes
here. What was finished is kept: run it again to go on.

examples:
  iram study --preset smoke --out runs/smoke
  iram study --data fer2013:fer2013.csv --ran-lists ran_lists --out runs/study
  iram study --data fer2013:fer2013.csv --preset paper --list --out runs/paper
  iram study --data rafdb:DIR --models iram,none,runs/mine/iram-mine-seed0.safetensors
      --out runs/rafdb    (of `iram train --suffix=-mine`: a name that does not ship)

presets (analysis/studies/presets.py): smoke runs every part once, on 64 heads, in a minute;
default is what an hour or so on two cores allows; paper is everything, on all faces, with all
weights that ship. Without --data heads are rendered: nothing to download. What the verdicts lack
weights for is named: give them with --models.
"""

from analysis.commands import options


def configure(parser) -> None:
    options.add_data(parser, required=False, help="default: rendered heads")
    parser.add_argument("--preset", default="default", choices=["smoke", "default", "paper"],
                        help="how much of each part; default: default")
    options.add_models(parser, default=None, told="the preset's")
    options.add_ran_lists(parser)
    options.add_reference(parser)
    options.add_placement(parser)
    options.add_seed(parser, "of places, noise, partners and intervals")
    options.add_batch_size(parser, default="64")
    options.add_run_folder(parser, "study", "for the three parts")
    parser.add_argument("--list", action="store_true",
                        help="only say what is missing and how long it takes")
    options.add_executor(parser)
    options.add_device(parser, dtype=True)
    options.add_backend(parser)


def run(args) -> int:
    from analysis.studies.whole import finish, stages

    study, described = _study(args)
    parts = stages(study)
    _tell(study, args.preset, parts)
    if args.list:
        return 0
    found = {}
    for place, part in enumerate(parts, 1):
        if part.seconds:
            print(f"\n{part.name} ({place} of {len(parts)})", flush=True)
        found[part.name] = part.run()
    finish(study, found, described)
    for name, outcome in found.items():
        print(f"\n=== {name}: {study.out / name}\n")
        print("\n".join(outcome.lines))
    print("\n=== verdicts")
    print("\n".join(line for outcome in found.values() for line in outcome.last))
    return 0


def _study(args):
    """The study that was asked for, and how it is told in study.json."""
    from analysis.studies import inputs
    from analysis.studies.occlusion.real.faces import real_groups
    from analysis.studies.presets import PRESETS
    from analysis.studies.shift.readers import readable
    from analysis.studies.whole import Whole
    from analysis.subjects import open_study, open_subjects
    from analysis.subjects.roles import every_seed

    preset, device = PRESETS[args.preset], options.device(args.device)
    dtype = inputs.dtype(args.dtype, device, args.out / "occlusion", args.backend)
    dataset = options.faces(args, preset.data)
    if args.ran_lists:  # mistakes in the lists should not wait for a long run
        real_groups(dataset, args.ran_lists)
    names = args.models or _preset_models(preset, dataset)
    moved, dataset = open_study(every_seed(names), dataset, device, dtype == "bf16")
    for line in readable(moved)[1]:
        print(f"shift: {line}", flush=True)
    subjects = moved
    if not preset.every_seed:
        opened = {subject.name: subject for subject in moved}  # each model is read once
        subjects = [opened.get(s.name, s) for s in
                    open_subjects(names, dataset.classes, device, dtype == "bf16")]
    study = Whole(
        preset, dataset, subjects, moved, args.out,
        options.cameras(args, dataset), args.ran_lists, args.seed,
        options.batch_size(args.batch_size), dtype, args.backend, options.executor(args),
        reference=args.reference,
    )
    return study, {"preset": args.preset, "settings": preset.to_dict(), "split": args.split}


def _preset_models(preset, dataset) -> str:
    from analysis.studies.presets import SHIPPED, shipped

    names = preset.heads_models if dataset.renders else preset.models
    return shipped(dataset) if names == SHIPPED else names


def _tell(study, preset: str, parts) -> None:
    """What will be done, and how long it takes."""
    from analysis.engine.timing import duration

    models = ", ".join(dict.fromkeys(s.name for s in [*study.subjects, *study.moved]))
    print(f"study ({preset}): {study.dataset.name}, {len(study.dataset):,} faces; {models}")
    print("\n".join(f"  {place} {part}" for place, part in enumerate(parts, 1)))
    if all(part.name != "shift" for part in parts):
        print("  no shift: none of the models has attention that can move")
    seconds = sum(part.seconds for part in parts)
    if seconds:
        print(f"  in all about {duration(seconds)}; with tables and figures a little more")
    print(end="", flush=True)
