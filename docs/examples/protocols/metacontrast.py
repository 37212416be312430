"""
Metacontrast
============

What does a mask do that surrounds the target and never covers it?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("metacontrast", soa_ms=(0, 50), trail_ms=(0, 50), end_ms=150)
ventral.plot.timeline(protocol, model).savefig("metacontrast-timeline.png", dpi=200)

# %%
# The target is seen through a disc; the ring and the dots lie around it and never cover it. Dots may stay on
# when the target has gone.

images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/metacontrast.zarr")
findings = ventral.analyze(run, "masking")

# %%
# Seen through a disc most targets are not recognised, mask or not, so that there is little for a mask to take.
# See such a reference before a mask is blamed: the black line is the target alone.
