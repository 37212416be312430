"""
Masking
=======

How does accuracy rise with the time between target and mask, and how is that in people?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("backward-mask", soa_ms=(20, 50, 100), target_is_soa=True, mask_ms=100)
images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/masking.zarr")
findings = ventral.analyze(run, "masking", observer="cumulative", at_ms=200)

# %%
# The target stays on until the mask comes, as in Tang et al. (2018), whose human observers stand beside the
# model, both corrected for chance. This observer sums up the readout. The model loses nothing: its targets are
# whole, and it holds them; nor do people lose much of whole objects from 50 ms on.

columns = ["condition", "accuracy", "cost", "cost_low", "cost_high", "holds"]
print(findings.tables["masking"].loc[:, columns])
