"""
Swap
====

How fast is an image overwritten by the next one?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("swap", swap_ms=(20, 50, 100), end_ms=200)
ventral.plot.timeline(protocol, model).savefig("swap-timeline.png", dpi=200)

# %%
# One image turns into another without a gap. Labels are those of the first.

images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/swap.zarr")
findings = ventral.analyze(run, "readout")

# %%
# What is read is still the first image for many ticks after it has gone, and the longer it was on, the longer.
# A network that holds pays for it when the image changes. ``b_alone`` shows what is read without the first:
# never its class, as the other image is of another one.
