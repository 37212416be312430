"""
Networks
========

What does one network have that another has not?
"""

from dataclasses import replace
from hashlib import sha256

import ventral

model = ventral.load_model("shapes")
kept = tuple(each for each in model.graph.transitions if each.source != each.target)
network = ventral.Network(replace(model.graph, transitions=kept), horizon_ms=300)
network.load_state_dict(model.network.state_dict(), strict=False)
digest = sha256(f"{model.sha256} without lateral transitions".encode()).hexdigest()  # these are other weights
without = replace(model, name="shapes-without-lateral", network=network.eval(), sha256=digest)

protocol = ventral.load_protocol("flash", duration_ms=(20, 100), end_ms=120)
images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/shapes.zarr")
ventral.simulate(without, protocol, images, "runs/without.zarr")
ventral.analyze(run, "networks", runs=("runs/without.zarr",))

# %%
# The same weights, with lateral transitions and without them. Differences are from the first network, paired over
# images. The second was never trained without them, so that this is a lesion; networks to compare with are trained
# alike, five times each (``ventral models`` lists some for CIFAR-10), and intervals are then over trainings too.
