"""What judges the whole box: crashes, power cuts, faults on every family, a long life."""
