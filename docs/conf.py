"""The site: Sphinx reads the pages of this folder, the docstrings, the scripts in examples/ and the pages in results/.

`make docs` builds it into _build/html, without a network, and a warning is an error. What is generated lies in
git-ignored folders: api/ (a page for each public name), gallery/ (a page for each script), results/ (copies), _build/.
"""

import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

project = "ventral"
author = "The ventral developers"
project_copyright = "The ventral developers, MIT licence"
release = version = metadata.version("ventral")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_design",
    "sphinx_click",
    "sphinx_gallery.gen_gallery",
    "sphinx.ext.githubpages",  # a file that keeps a host from hiding folders with an underscore
    "copied_pages",
    "gallery_figures",
    "notebooks",
    "site_checks",
]
exclude_patterns = ["_build", "examples", "**/GALLERY_HEADER.rst", "README.md"]
templates_path = ["_templates"]
suppress_warnings = ["config.cache"]  # the gallery's settings hold functions, which Sphinx cannot keep
highlight_language = "none"  # of lines that are indented: commands
default_role = "py:obj"  # names in single backticks are links where they are public, and code elsewhere
maximum_signature_line_length = 80
python_use_unqualified_type_names = True
smartquotes = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False  # the page of a class has them from autodoc
numpydoc_xref_param_type = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",  # every script runs
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("gallery_figures.pictures",),
    "reset_modules": ("gallery_figures.forget_runs",),
    "capture_repr": (),
    "abort_on_example_error": True,
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "min_reported_time": 3600,
    "remove_config_comments": True,
}

html_theme = "pydata_sphinx_theme"
html_title = f"ventral {release}"
html_static_path = ["_static"]
html_css_files = ["ventral.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "ventral"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_toc_level": 2,
    "show_prev_next": True,
    "use_edit_page_button": False,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "friendly",
    "pygments_dark_style": "monokai",
}
