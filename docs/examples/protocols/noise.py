"""
Noise
=====

How much noise does recognition bear?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("noise", sd=(0.0, 0.1, 0.2, 0.4), end_ms=120)
ventral.plot.timeline(protocol, model).savefig("noise-timeline.png", dpi=200)

# %%
# Noise is added to the image, frozen: the same for as long as the image is on.

images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/noise.zarr")
findings = ventral.analyze(run, "dose")

# %%
# Accuracy falls from 0.1 to 0.2 of the range from black to white. People bear more than that.
