"""Containers: the images of the kit, the lock that pins them, and compose.yaml."""
