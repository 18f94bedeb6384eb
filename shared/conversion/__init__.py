"""How values travel by annotation: to plain values that msgpack holds, and back."""
