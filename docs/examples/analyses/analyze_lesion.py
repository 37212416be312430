"""
Lesion
======

When are lateral transitions needed, and how many of them?
"""

import ventral

model = ventral.load_model("shapes")
knobs = {"what": ("lateral",), "scale": (0.0, 0.5), "start_ms": (40, 80, 120)}
protocol = ventral.load_protocol("lesion", whole=False, **knobs)
images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/lesions.zarr")
findings = ventral.analyze(run, "lesion", at_ms=200)

# %%
# Loss is accuracy intact minus accuracy with the lesion, of the same images. Late windows cost most: what holds
# an image is needed when it has gone. Half of the strength is enough, as a loss of 0.5 is within its interval
# of none in each window.

print(findings.tables["lesion"].loc[:, ["condition", "loss", "loss_low", "loss_high"]])
