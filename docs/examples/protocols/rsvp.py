"""
Rapid serial visual presentation
================================

How fast can images follow one another before the target is lost?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("rsvp", item_ms=(10, 30), end_ms=150)
ventral.plot.timeline(protocol, model).savefig("rsvp-timeline.png", dpi=200)

# %%
# A stream of images, the target in its middle; ``alone`` has the target only, ``absent`` another image in its
# place.

images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/rsvp.zarr")
findings = ventral.analyze(run, "readout")

# %%
# In a stream the target is lost, at 10 and at 30 ms an image: this network holds the first image that it sees.
# One that was trained with images that replace others, such as ``cifar10``, does not.
