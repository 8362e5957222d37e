"""One face before and after an occluder: prediction, the model's own attention, Grad-CAM,
integrated gradients and exact Shapley values of the face's regions, as arrays for `iram figures`.

Writes to --out: example.npz, of which `iram figures --only example` draws the panel. Explained is
what the model predicts on the clean face. A panel of a data set's faces shows one: mind its licence
before you pass it on. Rendered heads show nobody.

examples:
  iram example --face 3 --out runs/example
  iram example --data heads --face 12 --condition lower_half-0.3-noise --out runs/face
  iram example --data fer2013:fer2013.csv --model cbam --condition hand --out runs/hand
"""

from pathlib import Path

from analysis.commands import options


def configure(parser) -> None:
    options.add_data(parser, required=False, help="default: heads")
    parser.add_argument("--model", default="iram-heads", metavar="NAME",
                        help="a shipped name or .safetensors file; default: iram-heads"
                        )
    parser.add_argument("--face", type=int, default=0, metavar="N",
                        help="place in the split, from 0; default: 0")
    parser.add_argument("--condition", default="surgical_mask-natural-object", metavar="NAME",
                        help="as in `iram bench`; default: surgical_mask-natural-object"
                        )
    options.add_placement(parser)
    options.add_seed(parser, "of place and noise")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="for example.npz")


def run(args) -> int:
    from analysis.engine.example import write_example
    from analysis.explain.covered import explain_covered
    from analysis.stimuli.conditions import CLEAN, FRONTAL, select
    from analysis.subjects import open_subjects
    from iram.errors import InputError, listing

    dataset = options.faces(args, "heads")
    subjects = open_subjects(args.model, dataset.classes)
    conditions = [one for one in select(args.condition) if one not in (CLEAN, FRONTAL)]
    for option, found in (("model", subjects), ("condition", conditions)):
        if len(found) != 1:
            raise InputError(f"--{option} {getattr(args, option)}: an example is of one {option}, "
                             f"not of {len(found)}: "
                             f"{listing(one.name for one in found) or 'clean covers nothing'}")
    cameras = options.cameras(args, dataset)
    example = explain_covered(subjects[0], dataset, args.face, conditions[0], cameras, args.seed)
    write_example(args.out / "example.npz", example)
    told = example.facts
    print(f"{told['image_id']} ({told['label']}): {told['predictions'][0]} clean, "
          f"{told['predictions'][1]} under {told['condition']}; wrote {args.out / 'example.npz'}"
          )
    return 0
