"""The attention modules, the backbones, and the shipped weights with their accuracies.

Accuracies are those of the cards in iram/pretrained/, measured in fp32 on the weights as shipped:
chosen on the validation split, 95% Wilson intervals over the faces of the split.

examples:
  iram models
  iram models --json    the cards, whole
"""


def configure(parser) -> None:
    parser.add_argument("--json", action="store_true", help="print the cards as JSON")


def run(args) -> int:
    import json

    from iram.attention import ATTENTION
    from iram.backbones import BACKBONES
    from iram.weights import pretrained

    cards = pretrained()
    if args.json:
        print(json.dumps(cards, indent=1))
        return 0
    print(f"attention modules: {', '.join([*ATTENTION, 'none-matched'])}")
    print(f"backbones:         {', '.join(BACKBONES)}\n")
    print(
        f"{'shipped weights':22s} {'trained on':10s} {'backbone':9s} {'parameters':>10s}  accuracy"
    )
    if not cards:
        print("(none)")
    for name, card in cards.items():
        architecture, accuracy = card["architecture"], card["accuracy"]
        print(f"{name:22s} {card['data']['name']:10s} {architecture['backbone']:9s} "
              f"{card['parameters']:10,d}  {'; '.join(_plain(accuracy))}")  # fmt: skip
    return 0


def _plain(accuracy: dict) -> list[str]:
    return [
        f"{split} {100 * r['accuracy']:.1f}% [{100 * r['low']:.1f}, {100 * r['high']:.1f}]"
        for split, r in accuracy.items()
        if not split.endswith("flip")
    ]
