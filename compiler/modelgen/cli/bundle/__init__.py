"""The commands of `modelgen bundle`: everything that a host without internet needs, in one folder."""
