"""DASH-ConvNeXt."""
