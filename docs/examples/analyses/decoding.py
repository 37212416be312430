"""
Decoding
========

When can the class of an image be read from each area, linearly?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("flash", duration_ms=(20,), end_ms=120)
images = ventral.select_images("shapes", count=100)
run = ventral.simulate(model, protocol, images, "runs/decoding.zarr")
ventral.analyze(run, "decoding", areas=("V1", "V4", "IT"), decoder="discriminant", scoring="pairwise")

# %%
# A decoder is trained anew at each tick and tested on other images. Here it tells pairs of classes apart
# (chance is 50 %); in tables, ten classes. V1 tells little, since the same shape comes in many places; IT
# nearly all, and more from tick to tick.

accuracy = ventral.decode_over_time(run["IT"], decoder="discriminant").mean("fold")
print(accuracy.sel(time=[30, 50, 100]).round(2).to_series())
