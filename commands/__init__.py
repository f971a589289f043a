"""Parts of the front door: groups of commands that `cdp.py` takes in."""
