"""How image files are named, and laid out in folders."""

SPLITS = {"train": ("train",), "test": ("test", "val", "validation")}  # split -> names its folder may have
SUFFIXES = (".png", ".jpg", ".jpeg")
LAYOUT = "<folder>/<split>/<class>/<image>.png, with the splits train and test; to be shown alone, <folder>/<image>.png"
NO_CLASS = "no class"  # of images that lie in a folder of no class


def is_image_file(name: str) -> bool:
    """Whether a name is that of an image file."""
    return name.lower().endswith(SUFFIXES)
