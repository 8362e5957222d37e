"""Photographs explained: every face in them, found, told or taken whole.

`inputs` says which files are meant, `boxes` reads boxes of faces, `faces` gives the crops of a
photograph, `regions` where the parts of each face are, `run` goes through all and writes.

Which parts of a face are occluded is not told, since no estimate held. Two were tried on ten
statistics of each part (error of a reconstruction from 60 principal components, gray, contrast,
gradients, asymmetry, likeness to the mean face): a logistic model, trained on FER2013's training
faces with the drawn objects but one, and the distance from clean training faces (Mahalanobis). On
400 (250) faces of PublicTest with the object left out, against the same parts of clean faces, the
area under the ROC curve went from 0.07 (mouths behind hands) to 0.73 (behind cups) for the model,
and from 0.29 (chins behind hands) to 0.99 (eyes behind a headset) for the distance: each finds
some kinds and takes others for faces. On the really occluded faces of the RAN lists, against the
other faces of their split, eyes behind glasses had 0.53 [0.48, 0.58] and 0.48 [0.44, 0.53], mouths
of faces with a covered lower half 0.38 [0.34, 0.44] and 0.49 [0.44, 0.54], cheeks with covered
sides 0.39 [0.36, 0.43] and 0.43 [0.40, 0.47]; foreheads alone were above chance, 0.68 [0.63, 0.74]
and 0.60 [0.52, 0.68].
"""

from analysis.explain.inputs import Photograph, passed_over, photographs
from analysis.explain.run import Outcome, explain_photographs

__all__ = ["Outcome", "Photograph", "explain_photographs", "passed_over", "photographs"]
