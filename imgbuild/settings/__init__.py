"""The project's settings: where things are, what is allowed, how fast and how dear it may be."""

from imgbuild.settings.load import load_settings
from imgbuild.settings.nouns import Budget, Cost, Limit, Notify, Policy, Profile, Settings, SettingsFile
from imgbuild.settings.places import profile_place, setting_place
from imgbuild.settings.root import PROJECT_FILE, find_root, is_project
from imgbuild.settings.size import parse_size

__all__ = [
    "PROJECT_FILE",
    "Budget",
    "Cost",
    "Limit",
    "Notify",
    "Policy",
    "Profile",
    "Settings",
    "SettingsFile",
    "find_root",
    "is_project",
    "load_settings",
    "parse_size",
    "profile_place",
    "setting_place",
]
