"""
Repetition
==========

Is the response to an image smaller after the same image?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("repetition", gap_ms=(20, 100))
ventral.plot.timeline(protocol, model).savefig("repetition-timeline.png", dpi=200)

# %%
# An adapter, a gap of 20 or 100 ms, then the same image or another.

images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/repetition.zarr")
findings = ventral.analyze(run, "population", areas=("V1", "IT"))

# %%
# The rate in IT is about the same after the same image as after another: there is no suppression, and none is
# built in. Nothing in these networks tires; what there is of a difference comes of states that last.
