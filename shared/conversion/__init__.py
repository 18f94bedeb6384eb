"""Conversion of values by their annotations: to plain values that msgpack can hold, and back."""
