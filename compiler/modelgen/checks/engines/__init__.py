"""Check engines: the keys that each takes, images, versions, and the vendor that an image is for."""
