"""
Backward mask
=============

How much does a mask take away at each stimulus onset asynchrony (SOA)?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("backward-mask", soa_ms=(10, 20, 50), end_ms=150)
ventral.plot.timeline(protocol, model).savefig("backward-mask-timeline.png", dpi=200)

# %%
# The mask is noise, another for each target and the same at every SOA. ``mask_only`` and ``blank`` show no
# target: nothing of it can be read there.

images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/backward-mask.zarr")
findings = ventral.analyze(run, "readout")

# %%
# The mask costs a few points at an SOA of 10 ms, and nothing at 50. This network never saw a mask in training,
# and holds what it saw so well that noise hardly takes it. The page on mask
# effects says what a larger cost would say, and what not.
