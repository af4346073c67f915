"""The ensemble forward: logits of many networks on many images, by device and size of the job."""
