"""
Lesion
======

When are feedback and lateral transitions needed?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("lesion", end_ms=200, start_ms=(40, 120))
ventral.plot.timeline(protocol, model).savefig("lesion-timeline.png", dpi=200)

# %%
# Hatched bars say what is silenced in the network, and when. ``intact`` is the same images without a lesion.

images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/lesion.zarr")
findings = ventral.analyze(run, "lesion")

# %%
# Lateral transitions silenced at 120 ms cost a third of what is known at 200 ms, feedback in the same window
# nothing; without either throughout little is left. A lesion shows what this network has come to rely on, not
# what must be there: networks trained without feedback find another way.
