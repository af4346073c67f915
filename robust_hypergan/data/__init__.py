"""Images and labels: the data sets, their changes in training, images of another kind."""
