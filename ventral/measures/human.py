"""Accuracy of human observers, to lay beside a model's."""

SOURCE = "Tang et al. (2018)"
SOA_MS = (25.0, 50.0, 75.0, 100.0, 150.0)
CHANCE = 0.2
# Fraction correct at each SOA. Five-way classification, the target on until a mask of 500 ms; computed from the
# released trials (github.com/kreimanlab/occlusion-classification).
TANG_2018 = {
    "human observers, parts of objects, no mask": (0.564, 0.652, 0.716, 0.731, 0.734),
    "human observers, parts of objects, masked": (0.252, 0.451, 0.551, 0.629, 0.719),
    "human observers, whole objects, masked": (0.872, 0.968, 0.970, 0.976, 0.987),
}
