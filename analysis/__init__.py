"""The analyses that come with ventral, one file each; found by name, never imported all at once."""
