"""
Flash
=====

How long must an image be on, and is it held when it has gone?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("flash", duration_ms=(10, 50), end_ms=150)
ventral.plot.timeline(protocol, model).savefig("flash-timeline.png", dpi=200)

# %%
# Rows are conditions, bars what is on the screen, marks when it can first be in each area. What is shown
# between events is grey.

images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/flash.zarr")
findings = ventral.analyze(run, "readout")

# %%
# The image is gone after 10 or 50 ms, and accuracy goes on rising: this network was trained with brief images
# and holds what it saw.
