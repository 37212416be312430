"""
Generalisation
==============

How long does a code hold, and is it the same behind a mask?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("backward-mask", soa_ms=(20,), end_ms=120)
images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/generalisation.zarr")
conditions = {"conditions": ("unmasked", "soa_20"), "train_conditions": ("unmasked",)}
findings = ventral.analyze(run, "generalisation", areas=("V4", "IT"), permutations=1000, **conditions)

# %%
# A decoder that is trained at one tick (upwards) is tested at every tick (sideways). A square is a code that
# holds. Decoders are those of the unmasked image; below they are tested behind a mask, and read IT as well
# there: what is left is in the same code.

summary = findings.tables["generalisation-summary"]
print(summary.loc[:, ["area", "condition", "diagonal", "width_ms"]].round(2))
