"""The settings: every `TOUCHLINE_*` variable, read once at the start and never changed."""

from streams.settings.reading import Documented, SettingsError, documented, load
from streams.settings.settings import PREFIX, Settings, is_group
from streams.settings.urls import mask

__all__ = ["PREFIX", "Documented", "Settings", "SettingsError", "documented", "is_group", "load", "mask"]
