"""
Consistency with people
=======================

Does the network find the same images hard as people do, and make the same errors?
"""

import numpy as np
import pandas as pd

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("contrast", contrast=(0.2,), end_ms=100)
images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/consistency.zarr")

# %%
# The people here are made up: 20 of them, right in four of five trials, with errors drawn at random. Yours are a table
# with the same columns.

draw = np.random.default_rng(0)
shown = run.presentations[["stimulus_id", "label_name"]].to_dataframe()
trials = pd.concat([shown.assign(subject=f"s{person}") for person in range(20)])
right = draw.random(len(trials)) < 0.8
trials["response"] = np.where(right, trials["label_name"], draw.choice(run.classes, len(trials)))
trials["rt_ms"] = draw.normal(500, 60, len(trials))
trials[["stimulus_id", "subject", "response", "rt_ms"]].to_csv("responses.csv", index=False)
findings = ventral.analyze(run, "consistency", humans="responses.csv", resamples=50, shuffles=50)

# %%
# Each panel has the model, the ceiling of the labels themselves, and labels shuffled within a class. Since
# these people err at random, no image is hard for them in particular, and nothing beyond the classes is found:
# so must it be.
