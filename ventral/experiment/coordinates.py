"""Coordinates of presentations: which image, under which condition, with which parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ventral.experiment.experiment import Experiment
from ventral.stimuli.mask_kinds import INTACT
from ventral.stimuli.masks import pool_positions
from ventral.store.values import Array


def coordinates_of(experiment: Experiment) -> dict[str, Array]:
    """Every coordinate along presentation; conditions follow one another, each with its repeats of all images."""
    images, conditions = experiment.selection.presented, experiment.protocol.conditions
    repeats = experiment.settings.repeats
    times, each = len(conditions) * repeats, len(images) * repeats
    labels = np.array(images.label_names, dtype=object)[images.labels]
    columns: dict[str, Array] = {
        "image": np.tile(images.index, times),
        "stimulus_id": np.tile(np.array(images.stimulus_ids, dtype=object), times),
        "label": np.tile(images.labels, times),
        "label_name": np.tile(labels, times),
        "condition": np.repeat(np.array([condition.name for condition in conditions], dtype=object), each),
    }
    if repeats > 1:
        columns["repeat"] = np.tile(np.repeat(np.arange(repeats), len(images)), len(conditions))
    for name, values in as_columns([condition.coordinates() for condition in conditions]).items():
        columns[name] = np.repeat(values, each)
    columns |= _others(experiment)
    for name, values in images.coordinates.items():
        columns[name] = np.tile(values, times)
    return columns


def as_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    """Parameters of conditions as columns, (condition,): NaN or an empty string where a condition lacks one."""
    columns: dict[str, Array] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        if any(isinstance(row.get(name), str) for row in rows):
            columns[name] = np.array([str(row.get(name, "")) for row in rows], dtype=object)
        else:
            columns[name] = np.array([float(row.get(name, np.nan)) for row in rows])
    return columns


def _others(experiment: Experiment) -> dict[str, Array]:
    """Label and stimulus id of the intact images that are shown too, (presentation,).

    A column is NaN or empty in the conditions that do not show such an image; there is none if no condition does.
    """
    images, columns = experiment.selection.presented, dict[str, Array]()
    count, conditions = experiment.presentations, experiment.protocol.conditions
    each = len(images) * experiment.settings.repeats
    for stimulus in (stimulus for stimulus in experiment.protocol.made() if stimulus.kind in INTACT):
        donors = experiment.selection.donors(stimulus.role)
        assert donors is not None
        seed = experiment.settings.seed
        picked = pool_positions(stimulus.kind, images.stimulus_ids, images.labels, donors, seed, stimulus.exemplar)
        name = f"{stimulus.role}_{stimulus.exemplar}" if stimulus.exemplar else stimulus.role
        label = columns.setdefault(f"{name}_label", np.full(count, np.nan))
        stimulus_id = columns.setdefault(f"{name}_stimulus_id", np.full(count, "", dtype=object))
        ids = np.array(donors.stimulus_ids, dtype=object)[picked]
        for number, condition in enumerate(conditions):
            if any(event.what == stimulus for event in condition.events):
                rows = slice(number * each, (number + 1) * each)
                label[rows] = np.tile(donors.labels[picked], experiment.settings.repeats)
                stimulus_id[rows] = np.tile(ids, experiment.settings.repeats)
    return columns
