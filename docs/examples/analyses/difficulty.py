"""
Difficulty
==========

Does a mask take more from images that the network finds hard?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("backward-mask", soa_ms=(10,), end_ms=100)
images = ventral.select_images("shapes", count=60)
settings = ventral.Settings(noise=ventral.Noise("gaussian", 0.5), repeats=4, units=64)
run = ventral.simulate(model, protocol, images, "runs/difficulty.zarr", settings)
findings = ventral.analyze(run, "difficulty", conditions=("soa_10",))

# %%
# Noise makes repeats differ, so that half of them say which images are hard, and the other half what the mask
# costs. Splitting by the very trials that show the effect would find it in any data.

found = findings.tables["difficulty"]
columns = ["group", "accuracy", "accuracy_loss", "accuracy_loss_low", "accuracy_loss_high"]
print(found.loc[found["condition"] == "soa_10", columns])
