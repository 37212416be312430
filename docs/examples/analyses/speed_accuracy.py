"""
Speed and accuracy
==================

Does more time make responses better, and when would the network respond by itself?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("noise", sd=(0.0, 0.1), end_ms=150)
images = ventral.select_images("shapes", count=100)
run = ventral.simulate(model, protocol, images, "runs/speed.zarr")
findings = ventral.analyze(run, "speed-accuracy")

# %%
# Above: accuracy by deadline, and accuracy against mean reaction time, a point for each threshold of
# confidence. With noise on the image responses are later and worse, and waiting pays.
