"""
Readout
=======

When is the network right, when does a mask part its curve, and is that significant?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("backward-mask", soa_ms=(10,), end_ms=120)
images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/readout.zarr")
findings = ventral.analyze(run, "readout", conditions=("unmasked", "soa_10", "mask_only"))

# %%
# A bar under each curve says where it is above chance (a cluster test over images); marks on it are latencies
# with their intervals: half of the peak, the peak, and when a curve parts from the unmasked one. Here it never
# does for two ticks in a row: the mask takes too little.

latencies = findings.tables["readout-latencies"]
print(latencies.loc[latencies["condition"] == "soa_10", ["latency", "ms", "ms_low", "ms_high"]])
