"""Git's conflict markers in their styles, and out of order."""

from imgbuild.lock.markers import Placed, Side, place_lines


def sides(text: str) -> list[tuple[str, Side]]:
    return [(placed.text.decode(), placed.side) for placed in place_lines(text.encode())]


def test_a_file_without_markers_belongs_to_both_sides() -> None:
    assert list(place_lines(b"a\n\n  b\r\n")) == [Placed(1, b"a", Side.BOTH), Placed(3, b"b", Side.BOTH)]


def test_each_style_of_git_is_read() -> None:
    merge = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> other\nd\n"
    diff3 = "a\n<<<<<<< HEAD\nb\n||||||| 1234567\nx\n=======\nc\n>>>>>>> other\nd\n"
    expected = [("a", Side.BOTH), ("b", Side.OURS), ("c", Side.THEIRS), ("d", Side.BOTH)]
    assert sides(merge) == expected
    assert sides(merge.replace("\n", "\r\n")) == expected
    assert [pair for pair in sides(diff3) if pair[1] is not Side.BASE] == expected


def test_a_conflict_inside_of_the_base_stays_in_the_base() -> None:
    inner = "<<<<<<<<< Temporary merge branch 1\nx\n=========\ny\n>>>>>>>>> Temporary merge branch 2\n"
    text = f"<<<<<<< HEAD\nb\n||||||| merged common ancestors\n{inner}=======\nc\n>>>>>>> other\n"
    assert [pair for pair in sides(text) if pair[1] is not Side.BASE] == [
        ("b", Side.OURS),
        ("c", Side.THEIRS),
    ]


def test_a_marker_out_of_order_comes_as_a_line() -> None:
    assert sides("=======\n>>>>>>> x\n") == [("=======", Side.BOTH), (">>>>>>> x", Side.BOTH)]
    assert sides("<<<<<<< a\n<<<<<<< b\n") == [("<<<<<<< b", Side.OURS)]
