import json

from imgbuild.sheets.atlas import write_map


def test_the_map_is_as_engines_load_it():
    text = write_map("sprites.png", (18, 8), [("star", (0, 0, 8, 8)), ("moon", (10, 1, 8, 6))])
    whole = json.loads(text)
    assert whole["meta"] == {
        "app": "imgbuild",
        "image": "sprites.png",
        "format": "RGBA8888",
        "size": {"w": 18, "h": 8},
        "scale": "1",
    }
    assert list(whole["frames"]) == ["star", "moon"]
    assert whole["frames"]["moon"] == {
        "frame": {"x": 10, "y": 1, "w": 8, "h": 6},
        "rotated": False,
        "trimmed": False,
        "spriteSourceSize": {"x": 0, "y": 0, "w": 8, "h": 6},
        "sourceSize": {"w": 8, "h": 6},
    }
    assert text.endswith(b"}\n")
