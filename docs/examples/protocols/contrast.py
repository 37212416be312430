"""
Contrast
========

How faint may a target be?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("contrast", contrast=(0.05, 0.1, 0.2, 0.5), end_ms=120)
ventral.plot.timeline(protocol, model).savefig("contrast-timeline.png", dpi=200)

# %%
# The target is faded towards grey.

images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/contrast.zarr")
findings = ventral.analyze(run, "dose")

# %%
# At a tenth of its contrast the target is recognised better at 120 ms than at 100 ms: faint images take longer,
# because what comes of them adds up.
