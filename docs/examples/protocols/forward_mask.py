"""
Forward mask
============

Does a mask hide the target that follows it?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("forward-mask", soa_ms=(-90, -70, -50))
ventral.plot.timeline(protocol, model).savefig("forward-mask-timeline.png", dpi=200)

# %%
# Masks come before the target, at negative SOAs; all conditions have one clock, which starts with the earliest
# mask.

images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/forward-mask.zarr")
findings = ventral.analyze(run, "masking")

# %%
# A mask that has gone costs most of what can be known. No signal of it comes from outside any more: it is what
# the network still holds, because it holds whatever came first. Networks differ most in this protocol; in
# training this one saw images from the first tick on, and grey before them in 8 % only.
