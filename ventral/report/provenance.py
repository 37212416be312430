"""Where the numbers of a page come from: commands, versions, keys and digests."""

import json
from collections.abc import Sequence

from ventral.experiment.run import Run


def provenance_of(run: Run) -> dict[str, str]:
    """What decided the numbers of a run, by name, in full."""
    attrs, identity = run.attrs, run.attrs["identity"]
    versions = ", ".join(f"{name} {version}" for name, version in attrs["versions"].items())
    images = identity.get("images") or {}
    facts = {
        "run": run.path.name,
        "command": str(attrs.get("command") or "recorded from Python"),
        "run key": str(attrs["run_key"]),
        "model": str(attrs["model"]),
        "weights (sha256)": str(attrs["weights_sha256"]),
        "images": f"{attrs['data']} ({attrs['split']})",
        "images (sha256)": str(images.get("fingerprint", "")),
        "pool of masks (sha256)": str(identity.get("pool") or ""),
        "protocol": run.protocol.name,
        "seed": str(attrs["seed"]),
        "statistics": f"{run.policy}; beyond the horizon: {attrs['beyond_horizon']}",
        "noise": f"{attrs['noise']}; {attrs['repeats']} presentation{'s' * (attrs['repeats'] != 1)} of each image",
        "recorded": f"{attrs['record']}, {attrs['dtype']}, {attrs['presentations']:,} presentations",
        "computed on": f"{identity.get('device', '')}, {identity.get('threads', '')} threads, "
        f"{identity.get('precision', 'float32')}, batches of {attrs['batch_shape']}",
        "recorded with": versions,
    }
    return {name: value for name, value in facts.items() if value}


def beside_each_other(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Provenance of runs, a row for each fact and a column for each run."""
    columns = [provenance_of(run) for run in runs]
    names = list(dict.fromkeys(name for column in columns for name in column))
    return {name: [column.get(name, "") for column in columns] for name in names}


def manifest_of(run: Run) -> bytes:
    """Identity and manifest of a run as JSON: every field that is hashed into its key, and digests of its metadata."""
    attrs = run.attrs
    known = {"run_key": attrs["run_key"], "identity": attrs["identity"], "manifest": attrs.get("manifest", {})}
    return json.dumps(known, indent=1, sort_keys=True, default=str).encode()
