"""What a reader is told of each part of the report, who may be new to the field."""

TITLE = "Does attention find the visible parts of a face?"
ABOUT = ("Attention in facial expression recognition, under occlusion and head pose. Numbers in "
         "brackets are 95% intervals. All is drawn from the tables of one folder; under each "
         "figure stands what made them.")
PARTS = {  # folder of the tables -> title, and what is measured there
    "verdicts": (
        "Verdicts",
        "Every hypothesis was written down with its decision rule before anything was run. An "
        "effect inside the margin is none: “yes” and “no” both have to be shown, and what can’t be "
        "told apart stays undecided.",
    ),
    "occlusion": (
        "Accuracy under occlusion",
        "Parts of every face are covered, and the same classifiers name its expression again. The "
        "random box of the same area and fill is the control: what a region costs beyond it is due "
        "to the place, and not to the loss of pixels.",
    ),
    "pose": (
        "Accuracy under head pose",
        "Heads are turned in depth, and hide a part of themselves. All angles are relative to the "
        "face as it was photographed; 0 degrees is passed through the same rendering.",
    ),
    "heads": (
        "Rendered heads",
        "Occlusion and pose on faces drawn by code. They are easy to tell, and no stand-in for "
        "photographs; but what is hidden of them is known exactly, and anyone can run this.",
    ),
    "attribution": (
        "Attention beside attribution methods",
        "Does a map of attention say what the prediction rests on? Every method’s map is held "
        "against exact Shapley values of the face’s regions, and against maps that know nothing of "
        "the face: chance.",
    ),
    "shift": (
        "Does attention move?",
        "The change of attention when a region is covered, beside controls that would give one "
        "too: a patch off the face, permuted weights, the same net without attention.",
    ),
    "training": (
        "Training",
        "How the classifiers came about. The epoch is chosen on the validation split alone.",
    ),
    "example": ("One face", "A single face before and after an occluder."),
}
TITLES = {
    "summary": "The study in one picture",
    "accuracy_against_fraction": "Accuracy against the occluded share of the face",
    "drop_by_occluder": "What each occluder costs",
    "drop_by_occluder_heads": "What each occluder costs rendered heads",
    "drop_by_module": "What occlusion costs each module, over its training seeds",
    "importance": "Which region each expression leans on",
    "accuracy_against_pose": "Accuracy against head pose",
    "accuracy_against_pose_own_surfaces": "Accuracy against head pose, by each face’s own surface",
    "accuracy_against_pose_heads": "Accuracy against the pose of rendered heads",
    "measured_yaw": "Measured against requested yaw",
    "example": "One face before and after an occluder",
    "agreement": "How alike the methods’ maps are",
    "faithfulness": "How faithful each method is",
    "faithfulness_curves": "Perturbation curves",
    "attention_shift": "Every component of every hypothesis",
    "attention_shift_by_fill": "The shift, fill by fill",
    "interventions": "What happens if attention is replaced",
    "mediation": "How much of the loss attention’s movement carries",
    "real_occlusion": "Real occluders beside painted ones: accuracy",
    "real_attention_shift": "Real occluders beside painted ones: attention",
    "training_curves": "Training curves",
    "module_differences": "Each attention module against none",
    "ablation": "Each of IRAM’s switches",
    "copies": "Test faces that are copies of training faces",
    "table-ablation": "Accuracy without each of IRAM’s switches",
    "occluders": "Drop of accuracy by occluder",
    "poses": "Accuracy by pose",
    "real": "Accuracy on really occluded and turned faces",
    "verdicts": "The verdict on every hypothesis",
    "methods": "Rank correlation with exact Shapley values",
    "modules": "Accuracy of every module",
}
NOTEBOOKS = (
    "Step by step",
    "The study’s notebooks, which anyone can run: <code>make notebooks</code>. They are small, and "
    "of rendered heads; what was measured on all faces stands above, and each is linked to it.",
)
FIRST = {"summary", "verdicts"}  # these stand under the verdicts, wherever their tables lie
ONE_SEED = ("One training seed a model: these intervals tell faces apart, not modules. Read the "
            "answers as a first look.")


def part_of(name: str, table: str) -> str:
    """The part of the report in which a figure or printed table of this first table stands."""
    return "verdicts" if name in FIRST else table.partition("/")[0]


def title_of(name: str) -> str:
    """In words, of figure-NAME or table-NAME; an unknown name with spaces for underscores."""
    plain = name.partition("-")[2]
    return TITLES.get(name) or TITLES.get(plain) or plain.replace("_", " ").capitalize()
