"""Photographs explained: every face in them, found, told or taken whole.

`inputs` says which files are meant, `boxes` reads boxes of faces, `faces` gives the crops of a
photograph, `regions` where the parts of each face are, `run` goes through all and writes.
"""

from analysis.photographs.inputs import Photograph, photographs
from analysis.photographs.run import Outcome, explain_photographs

__all__ = ["Outcome", "Photograph", "explain_photographs", "photographs"]
