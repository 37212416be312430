"""
Dose
====

How does accuracy fall with the amount of a change, and does the kind of change matter?
"""

import ventral

model = ventral.load_model("shapes")
kinds = ("occluded-bubbles", "occluded-blocks")
protocol = ventral.load_protocol("occlusion", kind=kinds, coverage=(0.0, 0.4, 0.7), end_ms=100)
images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/dose.zarr")
findings = ventral.analyze(run, "dose", at_ms=100)

# %%
# Conditions that differ in the amount of one change make a curve, found in the events of the protocol. At the
# same share of the image covered, blocks cost far more than bubbles: the amount is not the difficulty.

print(findings.tables["dose"].loc[:, ["condition", "accuracy", "accuracy_low", "accuracy_high"]])
