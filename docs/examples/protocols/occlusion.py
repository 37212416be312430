"""
Occlusion
=========

How much of a target may be hidden?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("occlusion", coverage=(0.0, 0.3, 0.6, 0.9), end_ms=120)
ventral.plot.timeline(protocol, model).savefig("occlusion-timeline.png", dpi=200)

# %%
# Bubbles of grey cover a part of the target. They are nested: what is covered at 30 % is covered at 60 %.

images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/occlusion.zarr")
findings = ventral.analyze(run, "dose")

# %%
# A third of the target may be hidden at no cost; of 60 % on, half are lost. Whether time helps more where more
# is hidden is to be seen in the two readout times; with 60 images it is not.
