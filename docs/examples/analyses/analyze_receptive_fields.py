"""
Receptive fields
================

Does the part of the image that a unit responds to grow with time?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("receptive-fields", grid=6, target_ms=50, end_ms=100)
images = ventral.select_images("shapes", count=10)
run = ventral.simulate(model, protocol, images, "runs/fields.zarr", ventral.Settings(units=256))
findings = ventral.analyze(run, "receptive-fields", areas=("V1", "IT"), level=0.02, permutations=50)

# %%
# Fields in V1 are a few pixels wide, those in IT half of the image from the first tick on. What the graph
# allows (dashed) covers the image soon. Centres from the graph alone:

print(ventral.unit_fields(run, "V1"))
