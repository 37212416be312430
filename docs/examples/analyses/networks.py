"""
Networks
========

What does one network have that another has not?
"""

import ventral

training, test = ventral.load_images("shapes", "train"), ventral.load_images("shapes", "test")
recipe = ventral.Recipe(epochs=2, training_images=1000, held_out=0, batch=50, readout_ms=(50,))
protocol = ventral.load_protocol("flash", duration_ms=(50,), end_ms=120)
images = ventral.select_images("shapes", count=100)
for name in ("full", "feedforward"):
    graph = ventral.zoo.graph(name, channels=4)
    weights = ventral.train(graph, training, test, recipe, f"runs/{name}-training")
    ventral.simulate(ventral.load_model(weights), protocol, images, f"runs/{name}.zarr")

# %%
# Two small networks, trained for seconds on the same 1,000 images: with lateral transitions and feedback, and
# without. Differences are from the first, paired over images. One training of each says nothing of other
# trainings: train five.

run = ventral.open_run("runs/full.zarr")
ventral.analyze(run, "networks", runs=("runs/feedforward.zarr",))
