"""How often each verdict of `iram shift` comes out where the truth is known: its error rates.

`nets` are the closed forms, `planted` says which there are and what is true of them, `plan` what is
computed, `draws` makes small studies of it, `rates` counts their verdicts, `run` is the whole.
"""
