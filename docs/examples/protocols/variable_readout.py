"""
Variable readout
================

What does time bring while an image stays on?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("variable-readout")
ventral.plot.timeline(protocol, model).savefig("variable-readout-timeline.png", dpi=200)

# %%
# One condition: the image stays on, and the readout is asked at any tick.

images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/variable-readout.zarr")
findings = ventral.analyze(run, "readout")

# %%
# From its first tick at 30 ms accuracy rises for about 50 ms and then stays. A network without recurrence would
# have a flat line from 30 ms on: this rise is what time brings.
