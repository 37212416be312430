"""
Population
==========

How many units respond, when, and how does the population move?
"""

import ventral

model = ventral.load_model("shapes")
protocol = ventral.load_protocol("flash", duration_ms=(20, 100), end_ms=150)
images = ventral.select_images("shapes", count=60)
run = ventral.simulate(model, protocol, images, "runs/population.zarr")
findings = ventral.analyze(run, "population", areas=("V1", "IT"))

# %%
# Rates are rectified states. In V1 an image that goes off leaves less; IT settles, its speed per tick falling
# while its rate stays. Dimensions are those of the responses to 60 images: more images have more.
