"""What a reader is told of the report as a whole, who may be new to the field."""

TITLE = "Does attention find the visible parts of a face?"
ABOUT = ("Attention in facial expression recognition, under occlusion and head pose. Numbers in "
         "brackets are 95% intervals. All is drawn from the tables of one folder; under each "
         "figure stands what made them.")
NOTEBOOKS = (
    "Step by step",
    "The study’s notebooks, which anyone can run: <code>make notebooks</code>. They are small, and "
    "of rendered heads; what was measured on all faces stands above, and each is linked to it.",
)
ONE_SEED = ("One training seed a model: these intervals tell faces apart, not modules. Read the "
            "answers as a first look.")
