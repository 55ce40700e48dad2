"""Put everything that a host without internet needs into one folder: files, weights, images, and what loads them.

The folder is content-addressed: `blobs/<sha256>` holds each content once, bundle.json names them all. modelgen_importer
reads it on the other side.
"""
