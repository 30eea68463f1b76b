"""The commands behind `alchemiser`, a file each."""
