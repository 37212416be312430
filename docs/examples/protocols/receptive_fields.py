"""
Receptive fields
================

Which part of the image does each unit respond to?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("receptive-fields", grid=4, target_ms=50, end_ms=80)
ventral.plot.timeline(protocol, model).savefig("receptive-fields-timeline.png", dpi=200)

# %%
# Each condition shows a small copy of the image at one place of a grid, on grey.

images = ventral.select_images("shapes", count=6)
run = ventral.simulate(model, protocol, images, "runs/receptive-fields.zarr")
findings = ventral.analyze(run, "receptive-fields", areas=("V1", "V4"), level=0.05, permutations=50)

# %%
# A map is the response to each place; the frame is all that can reach the unit by then through the network's
# transitions. Outside of it responses are exactly 0, and inside most weights are small.
