"""Does training with Assay's signals make a team of agents learn better? An experiment that anyone can rerun."""
