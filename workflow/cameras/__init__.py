"""Cameras: repeated frames, camera alarms, light drift and master parts."""
