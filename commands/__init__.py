"""Parts of the front door: the steps of the pipeline, and groups of commands that `cdp.py` takes in."""
